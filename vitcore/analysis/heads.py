"""Statistics of attention heads: mean distance and entropy, with reference values.

Distances are in pixels between patch centers. The first `prefix` tokens, such as CLS, are excluded, and the
remaining rows are normalized to sum to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Reference:
    """The statistics of an attention pattern of known form."""

    name: str
    distance: float  # pixels
    entropy: float  # bits


def patch_distances(grid: int, patch_size: float) -> torch.Tensor:
    """Return the distances between the patch centers of a grid in pixels. [N, N], N = grid^2"""
    y, x = torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing="ij")
    centers = torch.stack([y.flatten(), x.flatten()], dim=1).float() * patch_size
    return torch.cdist(centers, centers)


def patch_attention(weights: torch.Tensor, *, prefix: int) -> torch.Tensor:
    """Return attention between patches, with rows normalized to sum to 1. [..., T, T] -> [..., N, N]"""
    inner = weights[..., prefix:, prefix:]
    return inner / inner.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(inner.dtype).tiny)


def mean_distance(weights: torch.Tensor, patch_size: float, *, prefix: int) -> torch.Tensor:
    """Return the mean attention distance in pixels (Raghu et al. 2021, figure 1).

    It is the mean over queries of sum_k A[q, k] |p_q - p_k|. [..., T, T] -> [...]
    """
    inner = patch_attention(weights, prefix=prefix)
    distances = patch_distances(round(inner.shape[-1] ** 0.5), patch_size).to(inner)
    return (inner * distances).sum(dim=-1).mean(dim=-1)


def mean_entropy(weights: torch.Tensor, *, prefix: int) -> torch.Tensor:
    """Return the mean over queries of the entropy of attention over patches, in bits. It is at most log2 N.

    [..., T, T] -> [...]
    """
    inner = patch_attention(weights, prefix=prefix)
    return -torch.special.xlogy(inner, inner).sum(dim=-1).mean(dim=-1) / torch.log(torch.tensor(2.0))


def references(grid: int, patch_size: float) -> list[Reference]:
    """Return references: uniform attention over all patches, and over the 3x3 neighborhood in the grid."""
    distances = patch_distances(grid, patch_size)
    near = (distances < 1.5 * patch_size).float()
    result = []
    # stored results hold these names, including the British spelling
    for name, mask in (("uniform", torch.ones_like(near)), ("3x3 neighbourhood", near)):
        rows = mask / mask.sum(dim=1, keepdim=True)
        distance, entropy = mean_distance(rows, patch_size, prefix=0), mean_entropy(rows, prefix=0)
        result.append(Reference(name, float(distance), float(entropy)))
    return result
