"""Which pixels a place in a layer reads: the effective receptive field."""

from __future__ import annotations

import torch
from torch import nn

from vitcore.analysis.attention import as_input
from vitcore.analysis.layers import cell, layer_maps


def receptive_fields(
    model: nn.Module, images: torch.Tensor, pixel: tuple[int, int]
) -> dict[str, torch.Tensor]:
    """Effective receptive field (Luo et al. 2016) of the place that contains a pixel (row, column), in every
    layer: |d z / d x| summed over colours, z the sum of the channels at that place.

    -> by layer [B, S, S], one map an image. Images uint8 or normalised [B, 3, S, S]; the model must be in
    evaluation mode, and gets no gradients. Raises `UserError` for a model whose layers are unknown.
    """
    with torch.inference_mode(False), torch.enable_grad():
        x = as_input(images).clone().requires_grad_()
        fields = {}
        for name, maps in layer_maps(model, x).items():  # [B, C, h, w]
            row, column = (cell(p, maps.shape[-1], x.shape[-1]) for p in pixel)
            total = maps[:, :, row, column].sum()  # samples do not mix in evaluation mode
            (gradient,) = torch.autograd.grad(total, x, retain_graph=True)
            fields[name] = gradient.abs().sum(dim=1)
    return fields


def mean_reach(field: torch.Tensor, centre: tuple[float, float]) -> torch.Tensor:
    """Mean distance in pixels of a field's weight from a point (row, column), in the coordinates of pixels'
    centres: sum |g| r / sum |g|. [..., S, S] -> [...]
    """
    line = torch.arange(field.shape[-1], device=field.device)
    far = torch.hypot((line - centre[0])[:, None].float(), (line - centre[1])[None, :].float())  # [S, S]
    return (field * far).sum(dim=(-2, -1)) / field.sum(dim=(-2, -1)).clamp_min(1e-30)
