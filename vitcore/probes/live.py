"""The live image of an experiment: one image, all its variants, and what the models predict for each.

The pictures show exactly what the models received. Does not import torch before it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vitcore.preprocessing import preprocessing_of

if TYPE_CHECKING:
    import torch
    from torch import nn

BATCH = 100  # images of 32 x 32 pixels in one pass, fewer larger ones
SHOWN = 256  # pixels; larger pictures are reduced, because all frames are sent to the browser


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
    step: int = 1  # pixels of the pictures from one column or row to the next, if the image is dragged


Paint = Callable[[Sequence["nn.Module"], "torch.Tensor", Sequence[int]], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class LiveImage:
    """How a visitor of the page changes one image in this experiment.

    `frames` gets the models, the image uint8 [1, 3, S, S] and the padding, which has no effect unless
    `border` is set. `paint` gets the models, the image and a 0 or 1 for each cell, row by row. It returns the
    probabilities [M, classes] with the cells marked 1 hidden.
    """

    mode: Literal["drag", "again", "pick"]  # drag the image; draw another order; pick an order
    hint: str  # shown below the image
    frames: Callable[[Sequence[nn.Module], torch.Tensor, Any], Frames]
    unit: str = ""  # what the slider changes
    border: bool = False  # the visitor chooses the padding
    paint: Paint | None = None


def pictures(images: torch.Tensor, model: nn.Module) -> np.ndarray:
    """Undo the normalization for a model. float [F, 3, S, S] -> uint8 [F, 3, s, s]

    The side s is that of the images divided by `reduction`.
    """
    import torch.nn.functional as F

    factor = reduction(images.shape[-1])
    if factor > 1:
        images = F.avg_pool2d(images, factor)
    return preprocessing_of(model).pixels(images.numpy())


def reduction(side: int) -> int:
    """Return how many times smaller the pictures of images with this side are."""
    return -(-side // SHOWN)


def probabilities(model: nn.Module, images: torch.Tensor) -> np.ndarray:
    """Return the predictions for normalized images. float [F, 3, S, S] -> [F, classes]"""
    import torch

    with torch.inference_mode():
        batch = max(1, BATCH * 32**2 // images.shape[-1] ** 2)
        parts = [model(part).softmax(dim=1) for part in images.split(min(BATCH, batch))]
        return torch.cat(parts).nan_to_num().numpy()


def same_for_all(
    models: Sequence[nn.Module],
    images: torch.Tensor,
    rows: list[str],
    columns: list[str],
    start: int,
    step: int = 1,
) -> Frames:
    """Return the frames of images [F, 3, S, S] that all models see, normalized for the first of them."""
    predicted = np.stack([probabilities(model, renormalized(images, models[0], model)) for model in models])
    return Frames(pictures(images, models[0])[None], predicted, rows, columns, start, step=step)


def renormalized(images: torch.Tensor, source: nn.Module, target: nn.Module) -> torch.Tensor:
    """Return the images that one model gets as another one needs them. float [F, 3, S, S]"""
    import torch

    old, new = preprocessing_of(source), preprocessing_of(target)
    if (old.mean, old.std) == (new.mean, new.std):
        return images
    old_mean, old_std, new_mean, new_std = (
        torch.tensor(values).view(3, 1, 1) for values in (old.mean, old.std, new.mean, new.std)
    )
    return (images * old_std + old_mean - new_mean) / new_std
