"""Positions of a grid of patches: fixed, learned for another number of patches, and rotary ones."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

ROTARY_BASE = 100  # of the periods in DINOv3


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


def rotary_angles(side: int, size: int) -> torch.Tensor:
    """Return the angles by which rotary positions turn the `size` channels of a head. -> [side^2, size / 2]

    The center of a patch has the coordinates y and x, from -1 to 1 across the image. The first half of the
    angles are 2 pi y / period and the second half 2 pi x / period, for the periods 100^(4 i / size). So the
    angles follow the image, whatever the number of patches is (Siméoni et al. 2025, DINOv3).
    """
    centers = 2 * (torch.arange(side) + 0.5) / side - 1
    y, x = torch.meshgrid(centers, centers, indexing="ij")
    periods = float(ROTARY_BASE) ** (4 * torch.arange(size // 4) / size)
    place = torch.stack([y.flatten(), x.flatten()], dim=1)  # [side^2, 2]
    return (2 * math.pi * place[:, :, None] / periods).flatten(1)


class Rotary(nn.Module):
    """Rotary positions: turn queries and keys so that their products depend on where the patches are.

    Channels c and c + size / 2 of a head are the coordinates of a point, which is turned by the angle c of
    `rotary_angles`. A product of two turned points depends on the difference of their angles (Su et al.
    2021, RoFormer). The first `prefix` tokens, such as CLS and the registers, are not turned.
    """

    cos: torch.Tensor
    sin: torch.Tensor

    def __init__(self, side: int, size: int, prefix: int) -> None:
        super().__init__()
        self.prefix = prefix
        angles = rotary_angles(side, size)
        self.register_buffer("cos", angles.cos(), persistent=False)  # [N, size / 2]
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, x: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
        """Turn the queries or keys of the first n tokens. [B, H, n, size] -> the same shape

        If the tokens are not those of all patches, `kept` [B, count] has the indices of their patches.
        """
        count = x.shape[2] - self.prefix
        if count <= 0:
            return x
        if kept is None:
            cos, sin = self.cos[:count], self.sin[:count]
        else:
            cos, sin = (part[kept[:, :count]][:, None] for part in (self.cos, self.sin))  # [B, 1, count, .]
        a, b = x[:, :, self.prefix :].chunk(2, dim=-1)  # each [B, H, count, size / 2]
        turned = torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)
        return torch.cat([x[:, :, : self.prefix], turned.to(x.dtype)], dim=2)
