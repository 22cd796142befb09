"""Grad-CAM: for networks with stages of feature maps, and for the tokens and the stem of a ViT."""

from __future__ import annotations

import torch
from torch import nn

from vitcore.analysis.attention import as_input, needs_attention
from vitcore.analysis.layers import as_maps, staged
from vitcore.errors import UserError
from vitcore.networks.vit import Record


def grad_cam(model: nn.Module, images: torch.Tensor, classes: torch.Tensor, stage: int = -1) -> torch.Tensor:
    """Return Grad-CAM (Selvaraju et al. 2017): relu of the maps weighted by the mean gradient of a logit.

    images [B, 3, S, S] (uint8 or normalized), classes int [B], stage counted from 0 -> [B, h, w], not scaled.
    The model must be in evaluation mode. Its parameters get no gradients. Raise `UserError` for a model
    without stages.
    """
    network = staged(model)
    if network is None:
        raise UserError(
            f"Grad-CAM needs a network with stages of feature maps, not a {type(model).__name__}."
        )
    with torch.inference_mode(False), torch.enable_grad():
        maps = network.stages(as_input(images, model).clone().requires_grad_())
        logits = network.head(maps[-1])  # [B, classes]
        chosen = logits.gather(1, classes.clone()[:, None]).sum()  # samples do not mix in evaluation mode
        (gradient,) = torch.autograd.grad(chosen, maps[stage])  # [B, C, h, w]
    weights = gradient.mean(dim=(2, 3), keepdim=True)  # [B, C, 1, 1]
    return (weights * maps[stage]).sum(dim=1).relu().detach()


def stem_grad_cam(model: nn.Module, images: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Return Grad-CAM of the convolutions that make the tokens of a ViT: their output, without positions.

    images [B, 3, S, S] (uint8 or normalized), classes int [B] -> [B, h, w], not scaled. The model must be in
    evaluation mode. Raise `UserError` for a model without attention or without such convolutions.
    """
    model = needs_attention(model)
    if not model.convolutional:
        raise UserError(f"This {type(model).__name__} has no convolutions before its blocks.")
    with torch.inference_mode(False), torch.enable_grad():
        x = model.patches(as_input(images, model).clone().requires_grad_())  # [B, N, D]
        logits = model.head(model.transformer(model.placed(x)))  # [B, classes]
        chosen = logits.gather(1, classes.clone()[:, None]).sum()  # samples do not mix in evaluation mode
        (gradient,) = torch.autograd.grad(chosen, x)
    weights = gradient.mean(dim=1)  # [B, D]
    return as_maps(x.detach() * weights[:, None]).sum(dim=1).relu()


def token_grad_cam(model: nn.Module, images: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Return Grad-CAM on the tokens that the attention of a ViT's last block reads, as maps of patches.

    With pre-norm, these are the outputs of the last block's first layer norm, the layer that pytorch-grad-cam
    recommends for a ViT. With post-norm, that norm comes after the attention. There the patches no longer
    reach the logits of a model with CLS, so that the block's input is used instead. As in the reshape
    transform of pytorch-grad-cam, CLS and the like are dropped, and the channels of the patches are maps.

    images [B, 3, S, S] (uint8 or normalized), classes int [B] -> [B, h, w], not scaled. The model must be in
    evaluation mode. Raise `UserError` for a model without attention.
    """
    model = needs_attention(model)
    record: Record = {}
    *blocks, last = model.blocks
    with torch.inference_mode(False), torch.enable_grad():
        x = model.embed(as_input(images, model).clone().requires_grad_())
        for block in blocks:
            x = block(x)
        logits = model.head(last(x, record=record))  # [B, classes]
        chosen = logits.gather(1, classes.clone()[:, None]).sum()  # samples do not mix in evaluation mode
        tokens = record["attention_input"]
        (gradient,) = torch.autograd.grad(chosen, tokens)  # [B, T, D]
    first = model.prefix_tokens
    maps, gradients = as_maps(tokens.detach(), first), as_maps(gradient, first)  # [B, D, h, w]
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    return (weights * maps).sum(dim=1).relu()
