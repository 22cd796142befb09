"""The probes shift, shuffle and occlusion: accuracy and consistency of changed images, as curves.

Values: {"x": [...], "unit": str, "curves": {name: {"mean": [...], "error": [...]}}}; errors are standard
errors over images, sqrt(p (1 - p) / n).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from vitcore.analysis.attention import as_input
from vitcore.analysis.robustness import answers, cell_saliency, occluded, shifted, shuffled
from vitcore.data.augment import uniforms
from vitcore.errors import UserError

STEP = 10  # images between two reports
SHIFTS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16)
BORDERS = ("reflect", "zero", "circular")
DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))
GRIDS = (1, 2, 4, 8, 16)
CELLS = 8  # a side, of the grid that is occluded
HIDDEN = (0, 4, 8, 16, 24, 32, 40, 48, 56, 60, 64)
ORDERS = ("random", "most salient first", "least salient first")

Values = dict[str, Any]


def parts(count: int) -> Iterator[slice]:
    """The images 0..count-1 in order, a few at a time."""
    for start in range(0, count, STEP):
        yield slice(start, min(count, start + STEP))


def share(hits: np.ndarray) -> dict[str, list[float]]:
    """bool [..., n] -> mean and standard error over the last axis, rounded for a file."""
    mean = hits.mean(axis=-1)
    return series(mean, np.sqrt(mean * (1 - mean) / hits.shape[-1]))


def series(mean: np.ndarray, error: np.ndarray) -> dict[str, list]:
    """Arrays as nested lists of six digits."""
    return {"mean": plain(mean), "error": plain(error)}


def plain(values: np.ndarray) -> list:
    """An array as nested lists, six digits after the point."""
    return np.round(np.asarray(values, dtype=np.float64), 6).tolist()


def shift(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray, settings: Values
) -> Iterator[tuple[int, Values]]:
    """Consistency and accuracy against the shift in pixels, for three ways to fill the border. Image i moves
    right, left, down, up as i modulo 4 is 0 to 3. See `vitcore.probes`.
    """
    sizes = [d for d in SHIFTS if d < images.shape[-1] - 1]
    found = np.zeros((len(BORDERS), len(sizes), len(images)), int)
    for part in parts(len(images)):
        x = as_input(images[part])
        turns = [part.start + i for i in range(len(x))]
        moved = [
            shifted(x[i : i + 1], *(size * d for d in DIRECTIONS[turn % 4]), border)
            for border in BORDERS
            for size in sizes[1:]
            for i, turn in enumerate(turns)
        ]
        said = answers(model, torch.cat([x, *moved])).numpy()
        found[:, 0, part] = said[: len(x)]
        found[:, 1:, part] = said[len(x) :].reshape(len(BORDERS), len(sizes) - 1, len(x))
        done = found[..., : part.stop]
        curves = {}
        for i, border in enumerate(BORDERS):
            curves[f"consistency, {border}"] = share(done[i] == done[i, :1])
            curves[f"accuracy, {border}"] = share(done[i] == labels[: part.stop])
        yield part.stop, {"x": sizes, "unit": "shift in pixels", "curves": curves}


def permutations(seed: int, count: int, samples: np.ndarray) -> torch.Tensor:
    """A random order of 0..count-1 for each sample, a pure function of seed, count and sample. -> int [n,
    count]
    """
    return torch.from_numpy(uniforms(seed, count, samples, count).argsort(axis=1, kind="stable"))


def shuffle(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray, settings: Values
) -> Iterator[tuple[int, Values]]:
    """Accuracy and consistency against the cells a side of the permuted grid; 1 is the image itself."""
    size = images.shape[-1]
    grids = [g for g in GRIDS if size % g == 0]
    found = np.zeros((len(grids), len(images)), int)
    for part in parts(len(images)):
        samples = np.arange(part.start, part.stop)
        for i, grid in enumerate(grids):
            found[i, part] = answers(model, shuffled(images[part], permutations(0, grid**2, samples))).numpy()
        done = found[:, : part.stop]
        curves = {"accuracy": share(done == labels[: part.stop]), "consistency": share(done == done[:1])}
        yield part.stop, {"x": grids, "unit": "cells a side", "curves": curves}


def occlusion(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray, settings: Values
) -> Iterator[tuple[int, Values]]:
    """Accuracy against how many cells of an 8x8 grid are hidden, in three orders (`ORDERS`)."""
    if images.shape[-1] % CELLS:
        raise UserError(f"Images of {images.shape[-1]} pixels do not divide into {CELLS}x{CELLS} cells.")
    found = np.zeros((len(ORDERS), len(HIDDEN), len(images)), int)
    for part in parts(len(images)):
        x = as_input(images[part])
        orders = cell_orders(model, x, np.arange(part.start, part.stop))
        hidden = [occluded(x, order, count) for order in orders for count in HIDDEN]
        said = answers(model, torch.cat(hidden)).numpy()
        found[..., part] = said.reshape(len(ORDERS), len(HIDDEN), len(x))
        hits = found[..., : part.stop] == labels[: part.stop]
        curves = {f"accuracy, {order}": share(hits[i]) for i, order in enumerate(ORDERS)}
        yield part.stop, {"x": list(HIDDEN), "unit": f"hidden cells of {CELLS**2}", "curves": curves}


def cell_orders(model: nn.Module, images: torch.Tensor, samples: np.ndarray) -> list[torch.Tensor]:
    """The three orders in which cells are hidden, each int [B, 64]; cells that tie stand in random order."""
    chance = permutations(1, CELLS**2, samples)
    weight = cell_saliency(model, images, CELLS).cpu().gather(1, chance)
    most = chance.gather(1, weight.argsort(dim=1, descending=True, stable=True))
    return [chance, most, most.flip(1)]
