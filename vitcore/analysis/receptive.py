"""Which pixels a place in a layer reads: the effective receptive field."""

from __future__ import annotations

import torch
from torch import nn

from vitcore.analysis.attention import as_input
from vitcore.errors import UserError
from vitcore.models.vit import ViT


def receptive_field(model: nn.Module, images: torch.Tensor, place: tuple[float, float]) -> torch.Tensor:
    """Effective receptive field (Luo et al. 2016) of a place in every layer: mean over images, sum over
    colours, of |d z / d x|, z the sum of the channels at that place.

    `place` is (y, x) as shares of the image; each layer answers for the token or cell that lies there.
    -> [layers, S, S]: a ViT's blocks, or a network's stages. Images uint8 or normalised [B, 3, S, S]; the
    model must be in evaluation mode. Raises `UserError` for a model with neither.
    """
    with torch.inference_mode(False), torch.enable_grad():
        x = as_input(images).clone().requires_grad_()
        fields = []
        for maps in _layers(model, x):  # [B, C, h, h]
            row, column = (min(int(share * maps.shape[-1]), maps.shape[-1] - 1) for share in place)
            total = maps[:, :, row, column].sum()  # samples do not mix in evaluation mode
            (gradient,) = torch.autograd.grad(total, x, retain_graph=True)
            fields.append(gradient.abs().sum(dim=1).mean(dim=0))
    return torch.stack(fields)


def _layers(model: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    if isinstance(model, ViT):
        tokens, found = model.embed(x), []
        for block in model.transformer:
            tokens = block(tokens)
            patches = tokens[:, int(model.has_cls) :]  # [B, N, D]
            found.append(patches.transpose(1, 2).unflatten(2, (model.grid, model.grid)))
        return found
    if hasattr(model, "stages"):
        return list(model.stages(x))
    raise UserError(f"A {type(model).__name__} has neither blocks nor stages whose fields could be measured.")
