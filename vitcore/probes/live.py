"""The live image of an experiment: one image, all its variants, and what the models predict for each.

The pictures show exactly what the models received. Does not import torch before it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vitcore.data.images import MEAN, STD

if TYPE_CHECKING:
    import torch
    from torch import nn

BATCH = 100  # images


@dataclass(frozen=True)
class Frames:
    """Pictures uint8 [P, F, 3, S, S] and probabilities [M, F, classes] of M models.

    P is 1 if all models see the same picture, else M. The F frames are rows x columns, row by row. `start`:
    the frame of the unchanged image. `cells`: cells per side that can be painted over, or 0.
    """

    pictures: np.ndarray
    probabilities: np.ndarray
    rows: list[str]
    columns: list[str]
    start: int
    cells: int = 0


Paint = Callable[[Sequence["nn.Module"], "torch.Tensor", Sequence[int]], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class LiveImage:
    """How a visitor of the page changes one image in this experiment.

    `frames` gets the models, the normalized image [1, 3, S, S] and the padding, which has no effect unless
    `border` is set. `paint` gets the models, the image and a 0 or 1 for each cell, row by row. It returns the
    probabilities [M, classes] with the cells marked 1 hidden.
    """

    mode: Literal["drag", "again", "pick"]  # drag the image; draw another order; pick an order
    hint: str  # shown below the image
    frames: Callable[[Sequence[nn.Module], torch.Tensor, Any], Frames]
    unit: str = ""  # what the slider changes
    border: bool = False  # the visitor chooses the padding
    paint: Paint | None = None


def normalized(image: np.ndarray) -> torch.Tensor:
    """Return an image uint8 [3, S, S] as the models receive it. -> float [1, 3, S, S]"""
    import torch

    from vitcore.data.augment import normalize

    return normalize(torch.from_numpy(image.copy())[None])


def pictures(images: torch.Tensor) -> np.ndarray:
    """Undo the normalization. float [F, 3, S, S] -> uint8 [F, 3, S, S]"""
    mean, std = (np.array(v, dtype=np.float32)[:, None, None] for v in (MEAN, STD))
    return np.clip(np.round(255 * (images.numpy() * std + mean)), 0, 255).astype(np.uint8)


def probabilities(model: nn.Module, images: torch.Tensor) -> np.ndarray:
    """Return the predictions for normalized images. float [F, 3, S, S] -> [F, classes]"""
    import torch

    with torch.inference_mode():
        parts = [model(part).softmax(dim=1) for part in images.split(BATCH)]
        return torch.cat(parts).nan_to_num().numpy()


def same_for_all(
    models: Sequence[nn.Module], images: torch.Tensor, rows: list[str], columns: list[str], start: int
) -> Frames:
    """Return the frames of normalized images [F, 3, S, S] that all models see."""
    predicted = np.stack([probabilities(model, images) for model in models])
    return Frames(pictures(images)[None], predicted, rows, columns, start)
