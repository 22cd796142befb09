"""Robustness of predictions when the image is shifted, shuffled or partly hidden.

Images are uint8 pixels or normalized floats [B, 3, S, S]. Functions without a model normalize uint8 pixels
as CIFAR-10. Hidden pixels are zeros after normalization, which is the mean color of the training images.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from vitcore.analysis.attention import as_input
from vitcore.data.augment import uniforms
from vitcore.networks.vit import to_patches

Border = Literal["reflect", "zero", "circular"]


def shifted(images: torch.Tensor, dy: int, dx: int, border: Border) -> torch.Tensor:
    """Shift normalized images down by `dy` and right by `dx` pixels (less than S - 1). -> float [B, 3, S, S]

    New pixels at the border are mirrored, zero, or wrapped around from the other side.
    """
    x = as_input(images, None)
    if border == "circular":
        return x.roll((dy, dx), dims=(-2, -1))
    size, pad = x.shape[-1], max(abs(dy), abs(dx))
    if not pad:
        return x
    wide = F.pad(x, (pad,) * 4, mode="reflect") if border == "reflect" else F.pad(x, (pad,) * 4)
    return wide[..., pad - dy : pad - dy + size, pad - dx : pad - dx + size]


def permutations(seed: int, count: int, samples: np.ndarray) -> torch.Tensor:
    """Return a random order of 0..count-1 for each sample. -> int [n, count]

    It is a pure function of seed, count and sample.
    """
    return torch.from_numpy(uniforms(seed, count, samples, count).argsort(axis=1, kind="stable"))


def shuffled(images: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """Permute the cells of normalized images (Naseer et al. 2021): position i gets cell order[i].

    order int [B, N], N = grid^2, row by row -> float [B, 3, S, S]. S must be divisible by the grid's side.
    """
    x = as_input(images, None)
    size = x.shape[-1] // round(order.shape[1] ** 0.5)
    cells = to_patches(x, size)  # [B, N, 3 * size^2]
    cells = cells.gather(1, order[..., None].expand_as(cells))
    return F.fold(cells.transpose(1, 2), x.shape[-1], size, stride=size)


def occluded(images: torch.Tensor, order: torch.Tensor, count: int) -> torch.Tensor:
    """Hide the first `count` cells of normalized images in the order int [B, N], N = grid^2, row by row."""
    x = as_input(images, None)
    grid = round(order.shape[1] ** 0.5)
    kept = torch.ones(order.shape).scatter(1, order[:, :count], 0.0).view(-1, 1, grid, grid)
    return x * F.interpolate(kept, x.shape[-1], mode="nearest")


def cell_saliency(model: nn.Module, images: torch.Tensor, grid: int) -> torch.Tensor:
    """Return the first-order loss of the predicted class's logit when a cell is hidden. -> float [B, grid^2]

    It is the gradient of the logit times the input, summed over the cell. For a linear model, the sum over
    all cells is the logit without the bias.
    """
    with torch.inference_mode(False), torch.enable_grad():
        x = as_input(images, model).clone().requires_grad_()
        logits = model(x)
        (gradient,) = torch.autograd.grad(logits.max(dim=1).values.sum(), x)
        value = (gradient * x).sum(dim=1, keepdim=True).detach()  # [B, 1, S, S]
    cells = F.avg_pool2d(value, x.shape[-1] // grid, divisor_override=1)
    return cells.flatten(1)


@torch.inference_mode()
def predict(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Return the predicted classes of a model in evaluation mode, computed in batches. -> int [B]

    A batch has 100 images of up to 64 x 64 pixels, or fewer larger ones.
    """
    batch = max(1, 100 * 64**2 // max(64, images.shape[-1]) ** 2)
    return torch.cat([model(as_input(part, model)).argmax(dim=1) for part in images.split(batch)])
