"""TrivialAugment for batches: one operation of random strength per image, in a few tensor calls.

Operations and ranges are those of the "RA" space of Mueller and Hutter 2021 (TrivialAugment), which is
RandAugment's (Cubuk et al. 2020): rotations up to 30 degrees, shears up to 0.3, shifts up to 10 of 32 pixels,
enhancements by factors of 0.1 to 1.9. The pixels equal those of torchvision's functions with bilinear
interpolation, and the outside is filled with the mean color. Operations that torchvision can apply to a batch
call torchvision.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as tv

from vitcore.data.transfer import to_device
from vitcore.preprocessing import DEFAULT

FILL = DEFAULT.mean_color()
BINS = 31  # strengths 0, 1/30, ... 1
ROTATE = 30.0  # degrees
SHEAR = 0.3  # tangent of the angle
SHIFT = 10 / 32  # of the side
ENHANCE = 0.9  # change of the factor

Matrix = list[list[float]]  # 2 x 3, from output to input coordinates
Operation = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def trivial_augment(images: torch.Tensor, draw: np.ndarray, fill: np.ndarray = FILL) -> torch.Tensor:
    """Apply one operation to each image. uint8 [B, 3, S, S] -> uint8 [B, 3, S, S]

    `draw` holds three uniform numbers per image, for operation, strength and sign: float64 [B, 3].
    `fill` is the color outside of the image, [3] from 0 to 255.
    """
    device = images.device
    chosen, strength, sign = choices(draw)
    out = images.clone()
    where = np.flatnonzero(np.isin(chosen, [OPERATIONS.index(name) for name in GEOMETRIC]))
    if len(where):
        index = to_device(where, device)
        matrices = [GEOMETRIC[OPERATIONS[chosen[i]]](strength[i] * sign[i]) for i in where]
        stacked = to_device(np.array(matrices, np.float32), device)  # MPS has no float64
        out[index] = _warp(images[index], stacked, fill)
    for name, operation in PIXELWISE.items():
        where = np.flatnonzero(chosen == OPERATIONS.index(name))
        if len(where):
            index = to_device(where, device)
            s, signs = (
                to_device(x[where].astype(np.float32), device).view(-1, 1, 1, 1) for x in (strength, sign)
            )
            out[index] = operation(images[index], s, signs)
    return out


def choices(draw: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return operation (index in `OPERATIONS`), strength 0..1 and sign, each [B], from uniforms [B, 3]."""
    chosen = np.floor(draw[:, 0] * len(OPERATIONS)).astype(int)
    strength = np.floor(draw[:, 1] * BINS) / (BINS - 1)
    return chosen, strength, np.where(draw[:, 2] < 0.5, 1.0, -1.0)


def _warp(images: torch.Tensor, matrices: torch.Tensor, color: np.ndarray) -> torch.Tensor:
    """Transform each image by its own matrix. uint8 [K, 3, S, S], [K, 2, 3] -> uint8 [K, 3, S, S]

    A matrix maps output to input coordinates, in units of half of the side.
    """
    fill = torch.tensor(color.tolist(), dtype=torch.float32, device=images.device).view(1, 3, 1, 1)
    grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
    moved = F.grid_sample(images.float() - fill, grid, align_corners=False)  # outside is 0, the fill
    return (moved + fill).round_().clamp_(0, 255).to(torch.uint8)


def _rotate(strength: float) -> Matrix:
    """Return the rotation by up to 30 degrees, counterclockwise for positive strengths."""
    angle = np.radians(ROTATE * strength)
    return [[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0]]


def _blend(images: torch.Tensor, other: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Return factor * images + (1 - factor) * other, as torchvision's blend does. -> uint8"""
    return (factor * images + (1 - factor) * other).clamp_(0, 255).to(torch.uint8)


def _gray(images: torch.Tensor) -> torch.Tensor:
    weights = torch.tensor([0.2989, 0.587, 0.114], device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True).floor_()  # [K, 1, S, S]


def _smooth(images: torch.Tensor) -> torch.Tensor:
    """Return the weighted mean of each 3x3 neighborhood, with weight 5 at the center. Keep the border."""
    kernel = torch.ones(3, 1, 3, 3, device=images.device)
    kernel[:, :, 1, 1] = 5
    out = images.float()
    out[..., 1:-1, 1:-1] = F.conv2d(images.float(), kernel / 13, groups=3).round_()
    return out


def _posterize(images: torch.Tensor, s: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    """Keep the upper 8 to 4 bits."""
    cut = torch.round(4 * s).to(torch.uint8)
    return (images >> cut) << cut


# by name: the matrix for a signed strength from -1 to 1
GEOMETRIC: dict[str, Callable[[float], Matrix]] = {
    "rotate": _rotate,
    "shear_x": lambda v: [[1, SHEAR * v, 0], [0, 1, 0]],
    "shear_y": lambda v: [[1, 0, 0], [SHEAR * v, 1, 0]],
    "shift_x": lambda v: [[1, 0, -2 * SHIFT * v], [0, 1, 0]],
    "shift_y": lambda v: [[1, 0, 0], [0, 1, -2 * SHIFT * v]],
}
# by name: a function of images uint8 [K, 3, S, S], strengths and signs, both [K, 1, 1, 1]
PIXELWISE: dict[str, Operation] = {
    "brightness": lambda x, s, sign: _blend(x, torch.zeros_like(x), 1 + ENHANCE * s * sign),
    "color": lambda x, s, sign: _blend(x, _gray(x), 1 + ENHANCE * s * sign),
    "contrast": lambda x, s, sign: _blend(
        x, _gray(x).mean(dim=(1, 2, 3), keepdim=True), 1 + ENHANCE * s * sign
    ),
    "sharpness": lambda x, s, sign: _blend(x, _smooth(x), 1 + ENHANCE * s * sign),
    "posterize": _posterize,
    "solarize": lambda x, s, sign: torch.where(x >= 255 * (1 - s), 255 - x, x),
    "autocontrast": lambda x, s, sign: tv.autocontrast(x),
    "equalize": lambda x, s, sign: tv.equalize(x),
}
OPERATIONS = ("identity", *GEOMETRIC, *PIXELWISE)  # in the order in which `choices` counts them
