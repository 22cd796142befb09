"""Position embeddings of a grid of patches: fixed ones, and learned ones for another number of patches."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F


def sincos_positions(side: int, dim: int) -> torch.Tensor:
    """Return fixed two-dimensional position embeddings. -> [1, side^2, dim]

    sin x, cos x, sin y and cos y take a quarter of the channels each. Vaswani et al. 2017, in the
    two-dimensional form of Beyer et al. 2022 ("Better plain ViT baselines").
    """
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    omega = 1.0 / 10_000 ** (torch.arange(dim // 4) / max(1, dim // 4 - 1))
    x, y = x.flatten()[:, None] * omega, y.flatten()[:, None] * omega  # [side^2, dim / 4]
    return torch.cat([x.sin(), x.cos(), y.sin(), y.cos()], dim=1)[None]


def resampled_positions(positions: torch.Tensor, side: int) -> torch.Tensor:
    """Interpolate learned position embeddings to a grid of `side` x `side` patches.

    [1, k + N, D] -> [1, k + side^2, D], where N is a square and k is 0, 1 or 2. The first k positions, those
    of CLS and the distillation token, do not change. The interpolation is that of timm's
    `resample_abs_pos_embed`: bicubic, with antialiasing.
    """
    count = positions.shape[1]
    old = math.isqrt(count)
    first = count - old * old
    if old == side:
        return positions
    grid = positions[:, first:].float().unflatten(1, (old, old)).permute(0, 3, 1, 2)  # [1, D, old, old]
    grid = F.interpolate(grid, (side, side), mode="bicubic", antialias=True)
    return torch.cat([positions[:, :first], grid.flatten(2).transpose(1, 2).to(positions.dtype)], dim=1)
