"""Rollout as vit-explain computes it: with a fusion of the heads, a discard ratio, and gradients.

The definitions are those of github.com/jacobgil/vit-explain, except for three details:

- Rows are divided by their own sums, so that a row stays a distribution over the input tokens. vit-explain
  divides column j by the sum of row j, which is the same only for the mean of the heads without a discard
  ratio.
- Every layer's weights meet their own gradients. The hooks of vit-explain collect the gradients from the
  last layer to the first.
- The gradients are those for the attention weights. The hooks of vit-explain get those for the scores before
  the softmax, because a dropout returns its input itself in evaluation mode.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from vitcore.analysis.attention import needs_attention
from vitcore.analysis.relevance import weights_and_gradients

Fusion = Literal["mean", "max", "min"]


def fused_rollout(
    weights: torch.Tensor, fusion: Fusion = "mean", discard: float = 0.0, *, has_cls: bool = True
) -> torch.Tensor:
    """Return the rollout of attention weights with fused heads. [B, layers, H, T, T] -> [B, T, T]

    Each layer's heads are fused by their mean, maximum or minimum. Of the T^2 fused weights, the lowest
    floor(discard * T^2) become 0. The weight of CLS on itself is never discarded. Then half of the identity
    represents the residual, and rows are divided by their sums. `discard` is at least 0 and below 1.
    """
    if fusion == "mean":
        fused = weights.mean(dim=2)
    else:
        fused = weights.amax(dim=2) if fusion == "max" else weights.amin(dim=2)
    return _multiplied(_without_lowest(fused, discard, keep_first=has_cls))


def gradient_rollout(
    model: nn.Module, images: torch.Tensor, classes: torch.Tensor, discard: float = 0.0
) -> torch.Tensor:
    """Return the rollout of relu(mean_h(A * dA)), where dA is the gradient of the class's logit.

    The lowest floor(discard * T^2) entries of each layer become 0, without an exception for CLS. images
    [B, 3, S, S] (uint8 or normalized), classes int [B] -> [B, T, T]. The model must be in evaluation mode.
    Raise `UserError` for a model without attention.
    """
    weights, gradients = weights_and_gradients(needs_attention(model), images, classes)
    means = [(a * da).mean(dim=1).relu() for a, da in zip(weights, gradients, strict=True)]
    fused = torch.stack(means, dim=1)  # [B, layers, T, T]
    return _multiplied(_without_lowest(fused, discard, keep_first=False))


def _without_lowest(fused: torch.Tensor, discard: float, *, keep_first: bool) -> torch.Tensor:
    """Set the lowest share of each matrix to 0, but not entry [0, 0] if `keep_first`. [..., T, T]"""
    flat = fused.flatten(-2)
    lowest = flat.topk(int(flat.shape[-1] * discard), dim=-1, largest=False).indices
    kept = flat.scatter(-1, lowest, 0.0)
    if keep_first:
        kept[..., 0] = flat[..., 0]
    return kept.view_as(fused)


def _multiplied(steps: torch.Tensor) -> torch.Tensor:
    """Add the identity, divide rows by their sums, and multiply the layers. [B, layers, T, T] -> [B, T, T]"""
    steps = steps + torch.eye(steps.shape[-1], device=steps.device, dtype=steps.dtype)
    steps = steps / steps.sum(dim=-1, keepdim=True)
    result = steps[:, 0]
    for layer in range(1, steps.shape[1]):
        result = steps[:, layer] @ result
    return result
