"""What each head does, in numbers: how far it looks, and how widely; with what to compare that to.

Distances are in pixels between the centers of patches. CLS is left out, and what remains of a row sums to 1
again.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Reference:
    """What an attention of a known form would have."""

    name: str
    distance: float  # pixels
    entropy: float  # bits


def patch_distances(grid: int, patch_size: int) -> torch.Tensor:
    """Distances between the centers of a grid's patches in pixels. [N, N], N = grid^2"""
    y, x = torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing="ij")
    centers = torch.stack([y.flatten(), x.flatten()], dim=1).float() * patch_size
    return torch.cdist(centers, centers)


def among_patches(weights: torch.Tensor, *, has_cls: bool) -> torch.Tensor:
    """Attention of patches to patches, rows summing to 1 again. [..., T, T] -> [..., N, N]"""
    first = int(has_cls)
    inner = weights[..., first:, first:]
    return inner / inner.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(inner.dtype).tiny)


def mean_distance(weights: torch.Tensor, patch_size: int, *, has_cls: bool) -> torch.Tensor:
    """Mean attention distance in pixels (Raghu et al. 2021, figure 1): the mean over queries of
    sum_k A[q, k] |p_q - p_k|. [..., T, T] -> [...]
    """
    inner = among_patches(weights, has_cls=has_cls)
    distances = patch_distances(round(inner.shape[-1] ** 0.5), patch_size).to(inner)
    return (inner * distances).sum(dim=-1).mean(dim=-1)


def mean_entropy(weights: torch.Tensor, *, has_cls: bool) -> torch.Tensor:
    """Mean over queries of the entropy of the attention over patches, in bits; log2 N at most. [..., T, T] ->
    [...]
    """
    inner = among_patches(weights, has_cls=has_cls)
    return -torch.special.xlogy(inner, inner).sum(dim=-1).mean(dim=-1) / torch.log(torch.tensor(2.0))


def references(grid: int, patch_size: int) -> list[Reference]:
    """Uniform attention, and uniform attention over the 3x3 neighborhood (at the border: what there is)."""
    distances = patch_distances(grid, patch_size)
    near = (distances < 1.5 * patch_size).float()
    found = []
    for name, mask in (("uniform", torch.ones_like(near)), ("3x3 neighbourhood", near)):
        rows = mask / mask.sum(dim=1, keepdim=True)
        distance, entropy = mean_distance(rows, patch_size, has_cls=False), mean_entropy(rows, has_cls=False)
        found.append(Reference(name, float(distance), float(entropy)))
    return found
