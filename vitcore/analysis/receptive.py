"""The effective receptive field: the pixels that a position in a layer depends on."""

from __future__ import annotations

import torch
from torch import nn

from vitcore.analysis.attention import as_input
from vitcore.analysis.layers import cell, layer_maps


def receptive_fields(
    model: nn.Module, images: torch.Tensor, pixel: tuple[int, int]
) -> dict[str, torch.Tensor]:
    """Return the effective receptive field (Luo et al. 2016) of the position that contains a pixel.

    The pixel is (row, column). For every layer, the field is |d z / d x| summed over colors, where z is the
    sum of the channels at that position. -> by layer [B, S, S], one map per image. Images are uint8 or
    normalized [B, 3, S, S]. The model must be in evaluation mode and gets no gradients. Raise `UserError` for
    a model whose layers are unknown.
    """
    with torch.inference_mode(False), torch.enable_grad():
        x = as_input(images, model).clone().requires_grad_()
        fields = {}
        for name, maps in layer_maps(model, x).items():  # [B, C, h, w]
            row, column = (cell(p, maps.shape[-1], x.shape[-1]) for p in pixel)
            total = maps[:, :, row, column].sum()  # samples are independent in evaluation mode
            (gradient,) = torch.autograd.grad(total, x, retain_graph=True)
            fields[name] = gradient.abs().sum(dim=1)
    return fields


def mean_reach(field: torch.Tensor, center: tuple[float, float]) -> torch.Tensor:
    """Return the mean distance of a field from a point (row, column) in pixels: sum |g| r / sum |g|.

    The coordinates are those of pixel centers. [..., S, S] -> [...]
    """
    line = torch.arange(field.shape[-1], device=field.device)
    distance = torch.hypot((line - center[0])[:, None].float(), (line - center[1])[None, :].float())  # [S, S]
    return (field * distance).sum(dim=(-2, -1)) / field.sum(dim=(-2, -1)).clamp_min(1e-30)


AT = {"top": (0.0, None), "bottom": (1.0, None), "left": (None, 0.0), "right": (None, 1.0)}  # (down, along)


def pixel_of(place: str, size: int) -> tuple[int, int]:
    """Return the pixel (row, column) of a position such as `center`, `top` or `bottom right`."""
    down, along = 0.5, 0.5
    for word in place.split():
        y, x = AT.get(word, (None, None))
        down, along = down if y is None else y, along if x is None else x
    return min(int(down * size), size - 1), min(int(along * size), size - 1)


def field_centers(
    boxes: list[tuple[int, int, int, int]] | None, pixel: tuple[int, int], size: int, count: int
) -> list[tuple[float, float]]:
    """Return the center of each layer's position.

    It is the middle of the theoretical field, or of the position's own patch if the field is the whole image.
    If the structure is unknown, it is the pixel itself.
    """
    if boxes is None:
        return [pixel] * count
    own = [boxes[0] if box == (0, 0, size - 1, size - 1) else box for box in boxes]
    return [((top + bottom) / 2, (left + right) / 2) for top, left, bottom, right in own]


def mean_reaches(
    fields: list[torch.Tensor], boxes: list[tuple[int, int, int, int]] | None, pixel: tuple[int, int]
) -> torch.Tensor:
    """Return the mean reach of each layer's field in pixels. By layer [B, S, S] -> [B, layers]"""
    centers = field_centers(boxes, pixel, fields[0].shape[-1], len(fields))
    return torch.stack([mean_reach(f, c) for f, c in zip(fields, centers, strict=True)], dim=1)
