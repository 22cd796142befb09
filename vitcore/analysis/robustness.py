"""What happens to an answer when the image is moved, cut up or partly hidden.

Images are uint8 pixels or normalised floats [B, 3, S, S]; hidden pixels are zeros after normalisation, the
mean colour of the training images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from vitcore.analysis.attention import as_input
from vitcore.models.vit import to_patches

Border = Literal["reflect", "zero", "circular"]


@dataclass(frozen=True)
class Share:
    """A share of n images, with its standard error sqrt(p (1 - p) / n)."""

    value: float
    error: float
    count: int


def share_of(hits: torch.Tensor) -> Share:
    """bool [n] -> how many are true"""
    value, count = float(hits.float().mean()), len(hits)
    return Share(value, (value * (1 - value) / count) ** 0.5, count)


def shifted(images: torch.Tensor, dy: int, dx: int, border: Border) -> torch.Tensor:
    """Normalised images moved down by `dy` and right by `dx` pixels (less than S - 1). -> float [B, 3, S, S]

    What comes in from outside is mirrored, zero, or what left on the other side.
    """
    x = as_input(images)
    if border == "circular":
        return x.roll((dy, dx), dims=(-2, -1))
    size, pad = x.shape[-1], max(abs(dy), abs(dx))
    if not pad:
        return x
    wide = F.pad(x, (pad,) * 4, mode="reflect") if border == "reflect" else F.pad(x, (pad,) * 4)
    return wide[..., pad - dy : pad - dy + size, pad - dx : pad - dx + size]


def shuffled(images: torch.Tensor, grid: int, generator: torch.Generator) -> torch.Tensor:
    """Normalised images whose grid x grid cells were permuted, another way for each (Naseer et al. 2021).
    -> float [B, 3, S, S]; grid 1 changes nothing. S must be divisible by `grid`.
    """
    x = as_input(images)
    size = x.shape[-1] // grid
    cells = to_patches(x, size)  # [B, grid^2, 3 * size^2]
    order = torch.rand(cells.shape[:2], generator=generator).argsort(dim=1)  # [B, grid^2]
    cells = cells.gather(1, order[..., None].expand_as(cells))
    return F.fold(cells.transpose(1, 2), x.shape[-1], size, stride=size)


def occluded(images: torch.Tensor, order: torch.Tensor, count: int) -> torch.Tensor:
    """Normalised images without their first `count` cells in the order int [B, N], N = grid^2, row by row."""
    x = as_input(images)
    grid = round(order.shape[1] ** 0.5)
    kept = torch.ones(order.shape).scatter(1, order[:, :count], 0.0).view(-1, 1, grid, grid)
    return x * F.interpolate(kept, x.shape[-1], mode="nearest")


@torch.inference_mode()
def answers(model: nn.Module, images: torch.Tensor, batch: int = 50) -> torch.Tensor:
    """The class that a model in evaluation mode chooses. -> int [B]"""
    return torch.cat([model(as_input(part)).argmax(dim=1) for part in images.split(batch)])
