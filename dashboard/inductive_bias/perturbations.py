"""The predictions of models for all variants of an image that the controls of the live image can select.

The pictures show exactly what the models saw. torch is imported when it is first needed. The results are
cached by the version of the weights and the pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard.components.replay import Frames
from dashboard.shared import resources
from dashboard.shared.turns import limited
from vitcore.data.images import MEAN, STD
from vitcore.runs.folder import Run

FAR = 8  # maximum shift in pixels
DRAWS = 6  # number of permutations of each grid
HIDDEN = tuple(range(0, 65, 4))  # numbers of hidden cells


def _probabilities(stamp: tuple, images: Any) -> np.ndarray:
    """Return the predictions for normalized images. [F, 3, S, S] -> probabilities [F, classes]"""
    import torch

    net = resources.loaded(*stamp)
    with torch.inference_mode():
        return torch.cat([net(part).softmax(dim=1) for part in images.split(100)]).nan_to_num().numpy()


def _pixels(images: Any) -> np.ndarray:
    """Undo the normalization, to show the images. floats [F, 3, S, S] -> uint8 [F, 3, S, S]"""
    mean, std = (np.array(v, dtype=np.float32)[:, None, None] for v in (MEAN, STD))
    return np.clip(np.round(255 * (images.numpy() * std + mean)), 0, 255).astype(np.uint8)


def _normal(pixels: bytes, shape: tuple[int, ...]) -> Any:
    import torch

    from vitcore.data.augment import normalize

    return normalize(torch.from_numpy(np.frombuffer(pixels, dtype=np.uint8).reshape(1, *shape).copy()))


@st.cache_resource(max_entries=24, show_spinner=False)
@limited
def _shifted(stamps: tuple, pixels: bytes, shape: tuple[int, ...], border: str) -> Frames:
    import torch

    from vitcore.analysis.robustness import shifted

    x, line = _normal(pixels, shape), range(-FAR, FAR + 1)
    moved = torch.cat([shifted(x, dy, dx, border) for dy in line for dx in line])
    names = [f"{d:+d}" if d else "0" for d in line]
    probabilities = np.stack([_probabilities(stamp, moved) for stamp in stamps])
    return Frames(_pixels(moved)[None], probabilities, names, names, start=len(moved) // 2)


@st.cache_resource(max_entries=24, show_spinner=False)
@limited
def _shuffled(stamps: tuple, pixels: bytes, shape: tuple[int, ...]) -> Frames:
    import torch

    from vitcore.analysis.robustness import permutations, shuffled
    from vitcore.probes.experiments.shuffle import GRIDS

    x, draws = _normal(pixels, shape).repeat(DRAWS, 1, 1, 1), np.arange(DRAWS)
    grids = [grid for grid in GRIDS if shape[-1] % grid == 0]
    mixed = torch.cat([shuffled(x, permutations(1, grid**2, draws)) for grid in grids])
    probabilities = np.stack([_probabilities(stamp, mixed) for stamp in stamps])
    rows = ["original", *(f"{grid} x {grid} cells" for grid in grids[1:])]
    return Frames(_pixels(mixed)[None], probabilities, rows, [str(i + 1) for i in draws], start=0)


@st.cache_resource(max_entries=24, show_spinner=False)
@limited
def _occluded(stamps: tuple, pixels: bytes, shape: tuple[int, ...]) -> Frames:
    import torch

    from vitcore.analysis.robustness import occluded
    from vitcore.probes.experiments.occlusion import CELLS, ORDERS, cell_orders

    x, pictures, probabilities = _normal(pixels, shape), [], []
    for stamp in stamps:  # each model has its own ranking of the cells
        orders = cell_orders(resources.loaded(*stamp), x, np.arange(1))
        hidden = torch.cat([occluded(x, order, count) for count in HIDDEN for order in orders])
        pictures.append(_pixels(hidden))
        probabilities.append(_probabilities(stamp, hidden))
    rows = [f"{count} of {CELLS**2} hidden" for count in HIDDEN]
    return Frames(np.stack(pictures), np.stack(probabilities), rows, list(ORDERS), start=0, cells=CELLS)


@st.cache_resource(max_entries=64, show_spinner=False)
@limited
def _painted(stamps: tuple, pixels: bytes, shape: tuple[int, ...], mask: str) -> np.ndarray:
    import torch

    from vitcore.analysis.robustness import occluded

    cells = torch.tensor([int(c) for c in mask])
    order = cells.argsort(descending=True, stable=True)[None]
    hidden = occluded(_normal(pixels, shape), order, int(cells.sum()))
    return np.concatenate([_probabilities(stamp, hidden) for stamp in stamps])


def _call(runs: list[Run], image: np.ndarray) -> tuple[tuple, bytes, tuple[int, ...]]:
    return tuple(resources.stamp_of(run) for run in runs), image.tobytes(), image.shape


def shifts(runs: list[Run], image: np.ndarray, border: str) -> Frames:
    """Return the image uint8 [3, S, S] shifted by up to 8 pixels in each direction. Raises `UserError`."""
    return _shifted(*_call(runs, image), border)


def shuffles(runs: list[Run], image: np.ndarray) -> Frames:
    """Return the image with the cells of finer and finer grids permuted, each grid in several ways.

    Raises `UserError`.
    """
    return _shuffled(*_call(runs, image))


def occlusions(runs: list[Run], image: np.ndarray) -> Frames:
    """Return the image with more and more cells hidden, in three orders that each model ranks itself.

    Raises `UserError`.
    """
    return _occluded(*_call(runs, image))


def painted(runs: list[Run], image: np.ndarray, mask: str) -> np.ndarray:
    """Return the predictions of the models with the cells marked 1 hidden. -> probabilities [M, classes]"""
    return _painted(*_call(runs, image), mask)


def mean_color() -> tuple[int, ...]:
    """Return the color of hidden pixels, 0 to 255: the mean color of CIFAR-10."""
    return tuple(round(255 * part) for part in MEAN)
