"""The behavior of attention heads on images: reach, attention to CLS and to itself, position against content.

All functions return one number per image and head, so that means over images have standard errors.
"""

from __future__ import annotations

import torch
from torch import nn

from vitcore.analysis.attention import capture, needs_attention
from vitcore.analysis.heads import mean_distance, mean_entropy, patch_attention
from vitcore.analysis.inside import positions_only
from vitcore.networks.vit import ViT

FLAT = 1e-5  # deviations from uniform attention with a smaller norm than this count as rounding errors


def attention_to_cls(weights: torch.Tensor, *, prefix: int) -> torch.Tensor:
    """Return the mean weight that patches give to CLS, which is token 0. [..., T, T] -> [...]

    `prefix` is the number of tokens before the patches.
    """
    return weights[..., prefix:, 0].mean(dim=-1)


def attention_to_self(weights: torch.Tensor, *, prefix: int) -> torch.Tensor:
    """Return the mean weight that patches give to themselves. [..., T, T] -> [...]

    `prefix` is the number of tokens before the patches.
    """
    return weights[..., prefix:, prefix:].diagonal(dim1=-2, dim2=-1).mean(dim=-1)


def position_correlation(weights: torch.Tensor, blank: torch.Tensor, *, prefix: int) -> torch.Tensor:
    """Return the correlation of a head's map with its map for a blank image. [..., T, T] x 2 -> [...]

    It is the Pearson correlation over all pairs of patches, without CLS and with rows normalized to sum to 1.
    Their mean is 1/N, so it compares the deviations from uniform attention. A head that attends by position
    alone has 1. A map without any deviation has no correlation; the result is then 0.
    """
    apart, apart_blank = (
        inner - 1 / inner.shape[-1]
        for inner in (patch_attention(part, prefix=prefix) for part in (weights, blank))
    )
    norms = [part.square().sum(dim=(-2, -1)).sqrt() for part in (apart, apart_blank)]
    product = (apart * apart_blank).sum(dim=(-2, -1))
    flat = (norms[0] < FLAT) | (norms[1] < FLAT)
    return torch.where(flat, 0.0, product / (norms[0] * norms[1]).clamp_min(FLAT**2))


@torch.inference_mode()
def head_behavior(model: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what each head of a ViT does on each image, as tensors [B, layers, heads] by name.

    `distance` is in pixels and `entropy` in bits (`vitcore.analysis.heads`). `to_cls` and `to_self` are
    fractions of the attention of a patch. `position` is the correlation with the map for an image of the
    mean color. A model without CLS has no `to_cls`. Images are uint8 or normalized [B, 3, S, S]. Raise
    `UserError` for a model without attention.
    """
    model = needs_attention(model)
    blank = positions_only(model).weights  # [1, layers, heads, T, T]
    parts = [_behavior(model, image, blank) for image in images.split(_images_at_once(blank))]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _behavior(model: ViT, images: torch.Tensor, blank: torch.Tensor) -> dict[str, torch.Tensor]:
    """Measure layer by layer: of 1,370 tokens, each copy of all weights would take a gigabyte."""
    weights = capture(model, images).weights
    layers = [_of_layers(model, *parts) for parts in zip(weights.split(1, 1), blank.split(1, 1), strict=True)]
    return {name: torch.cat([layer[name] for layer in layers], dim=1) for name in layers[0]}


def _of_layers(model: ViT, weights: torch.Tensor, blank: torch.Tensor) -> dict[str, torch.Tensor]:
    prefix = model.prefix_tokens
    found = {
        "distance": mean_distance(weights, model.patch_size, prefix=prefix),
        "entropy": mean_entropy(weights, prefix=prefix),
        "to_self": attention_to_self(weights, prefix=prefix),
        "position": position_correlation(weights, blank, prefix=prefix),
    }
    return found | ({"to_cls": attention_to_cls(weights, prefix=prefix)} if model.has_cls else {})


def _images_at_once(weights: torch.Tensor) -> int:
    """Return how many images are computed at once, so that their weights take at most 100 MB."""
    return max(1, int(1e8 / (4 * weights.numel())))
