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
    layer: |d z / d x| summed over colors, z the sum of the channels at that place.

    -> by layer [B, S, S], one map an image. Images uint8 or normalized [B, 3, S, S]; the model must be in
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


def mean_reach(field: torch.Tensor, center: tuple[float, float]) -> torch.Tensor:
    """Mean distance in pixels of a field's weight from a point (row, column), in the coordinates of pixels'
    centers: sum |g| r / sum |g|. [..., S, S] -> [...]
    """
    line = torch.arange(field.shape[-1], device=field.device)
    far = torch.hypot((line - center[0])[:, None].float(), (line - center[1])[None, :].float())  # [S, S]
    return (field * far).sum(dim=(-2, -1)) / field.sum(dim=(-2, -1)).clamp_min(1e-30)


AT = {"top": (0.0, None), "bottom": (1.0, None), "left": (None, 0.0), "right": (None, 1.0)}  # (down, along)


def pixel_of(place: str, size: int) -> tuple[int, int]:
    """The pixel (row, column) of a place such as `center`, `top` or `bottom right`."""
    down, along = 0.5, 0.5
    for word in place.split():
        y, x = AT.get(word, (None, None))
        down, along = down if y is None else y, along if x is None else x
    return min(int(down * size), size - 1), min(int(along * size), size - 1)


def field_centers(
    boxes: list[tuple[int, int, int, int]] | None, pixel: tuple[int, int], size: int, count: int
) -> list[tuple[float, float]]:
    """Where each layer's place lies: the middle of its theoretical field, or where that is the whole image,
    of its own patch; the pixel itself where the structure is unknown.
    """
    if boxes is None:
        return [pixel] * count
    own = [boxes[0] if box == (0, 0, size - 1, size - 1) else box for box in boxes]
    return [((top + bottom) / 2, (left + right) / 2) for top, left, bottom, right in own]


def mean_reaches(
    fields: list[torch.Tensor], boxes: list[tuple[int, int, int, int]] | None, pixel: tuple[int, int]
) -> torch.Tensor:
    """Mean distance in pixels of what each layer's place reads. By layer [B, S, S] -> [B, layers]"""
    centers = field_centers(boxes, pixel, fields[0].shape[-1], len(fields))
    return torch.stack([mean_reach(f, c) for f, c in zip(fields, centers, strict=True)], dim=1)
