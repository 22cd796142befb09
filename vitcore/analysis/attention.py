"""Attention of a Vision Transformer: the weights of all layers and heads, and their rollout.

Images are uint8 pixels [B, 3, S, S] (normalized here) or normalized floats. There are T tokens: the
`prefix_tokens` of the model, of which the first is CLS if the model has one, and the patches.
"""

from __future__ import annotations

import torch
from torch import nn

from vitcore.data.augment import normalize
from vitcore.errors import UserError
from vitcore.networks.vit import Trace, ViT
from vitcore.preprocessing import preprocessing_of


def as_input(images: torch.Tensor, model: nn.Module | None) -> torch.Tensor:
    """Normalize uint8 pixels to floats, as the model needs them. Return floats unchanged.

    Without a model, the normalization is that of the models that are trained here.
    """
    return normalize(images, preprocessing_of(model)) if images.dtype == torch.uint8 else images


def needs_attention(model: nn.Module) -> ViT:
    """Return the model if it has attention, otherwise raise `UserError`."""
    if not isinstance(model, ViT):
        raise UserError(f"A {type(model).__name__} has no attention: choose a ViT run.")
    return model


@torch.inference_mode()
def capture(model: nn.Module, images: torch.Tensor) -> Trace:
    """Return the trace of a batch: its logits, attention weights and hidden states.

    The weights are [B, layers, heads, T, T], and the hidden states [B, layers + 1, T, D]. The model must be
    in evaluation mode and is not changed. Raise `UserError` for a model without attention.
    """
    return needs_attention(model).trace(as_input(images, model))


def rollout(weights: torch.Tensor) -> torch.Tensor:
    """Attention rollout (Abnar and Zuidema 2020). [B, layers, heads, T, T] -> [B, T, T]; rows sum to 1.

    Heads are averaged, half of the identity represents the residual, and the layers are multiplied with the
    last one leftmost. Entry [q, k] is the share of input token k that reaches output token q.
    """
    mean = weights.mean(dim=2)  # [B, layers, T, T]
    identity = torch.eye(mean.shape[-1], device=mean.device, dtype=mean.dtype)
    steps = (mean + identity) / 2
    result = steps[:, 0]
    for layer in range(1, steps.shape[1]):
        result = steps[:, layer] @ result
    return result


def query_map(rows: torch.Tensor, *, prefix: int) -> torch.Tensor:
    """Return attention over the patches as a square. [..., T] -> [..., side, side]

    `prefix` is the number of tokens before the patches.
    """
    patches = rows[..., prefix:]
    side = round(patches.shape[-1] ** 0.5)
    return patches.unflatten(-1, (side, side))
