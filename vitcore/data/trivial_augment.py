"""TrivialAugment for whole batches: one operation per image, of its own strength, in a handful of tensor
calls.

Operations and ranges are those of the "RA" space of Mueller and Hutter 2021 (TrivialAugment), which is
RandAugment's (Cubuk et al. 2020): rotations up to 30 degrees, shears up to 0.3, shifts up to 10 of 32 pixels,
enhancements by factors of 0.1 to 1.9. Pixels are those of torchvision's functions, bilinear, the outside
filled with the mean color; what torchvision does for whole batches is torchvision's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as tv

FILL = (125, 123, 114)  # CIFAR-10's mean color
BINS = 31  # strengths 0, 1/30, ... 1
ROTATE, SHEAR, SHIFT, ENHANCE = (
    30.0,
    0.3,
    10 / 32,
    0.9,
)  # degrees, tangent, share of the side, change of the factor
GEOMETRIC = ("rotate", "shear_x", "shear_y", "shift_x", "shift_y")


def trivial_augment(images: torch.Tensor, draw: np.ndarray) -> torch.Tensor:
    """uint8 [B, 3, S, S] and three uniform numbers each (operation, strength, sign) [B, 3] -> uint8 [B,
    3, S, S]
    """
    names = list(OPERATIONS)
    chosen, strength, sign = choices(draw)
    out = images.clone()
    for group in (GEOMETRIC, *((name,) for name in names if name not in (*GEOMETRIC, "identity"))):
        where = np.flatnonzero(np.isin(chosen, [names.index(name) for name in group]))
        if not len(where):
            continue
        index = torch.from_numpy(where).to(images.device)
        if group is GEOMETRIC:
            matrices = [OPERATIONS[names[chosen[i]]](strength[i] * sign[i]) for i in where]
            matrices = torch.from_numpy(np.array(matrices, np.float32))  # MPS has no float64
            done = _warp(images[index], matrices.to(images.device))
        else:
            put = lambda x: torch.tensor(x, dtype=torch.float32, device=images.device).view(-1, 1, 1, 1)  # noqa: E731
            done = OPERATIONS[group[0]](images[index], put(strength[where]), put(sign[where]))
        out[index] = done
    return out


def choices(draw: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Uniform numbers [B, 3] -> operation (place in `OPERATIONS`), strength 0..1 and sign, each [B]"""
    chosen = np.floor(draw[:, 0] * len(OPERATIONS)).astype(int)
    strength = np.floor(draw[:, 1] * BINS) / (BINS - 1)
    return chosen, strength, np.where(draw[:, 2] < 0.5, 1.0, -1.0)


def _warp(images: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
    """Each image by its matrix from output to input, in halves of the side. uint8 [K, 3, S, S], [K, 2, 3]"""
    fill = torch.tensor(FILL, dtype=torch.float32, device=images.device).view(1, 3, 1, 1)
    grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
    moved = F.grid_sample(images.float() - fill, grid, align_corners=False)  # outside is 0, the fill
    return (moved + fill).round_().clamp_(0, 255).to(torch.uint8)


def _rotate(strength: float) -> list[list[float]]:
    """Counter-clockwise by up to 30 degrees."""
    angle = np.radians(ROTATE * strength)
    return [[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0]]


def _blend(images: torch.Tensor, other: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """factor * image + (1 - factor) * other, as torchvision's blend. -> uint8"""
    return (factor * images + (1 - factor) * other).clamp_(0, 255).to(torch.uint8)


def _gray(images: torch.Tensor) -> torch.Tensor:
    weights = torch.tensor([0.2989, 0.587, 0.114], device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True).floor_()  # [K, 1, S, S]


def _smooth(images: torch.Tensor) -> torch.Tensor:
    """Weighted mean of the 3x3 neighborhood, the center five times; the border as it is."""
    kernel = torch.ones(3, 1, 3, 3, device=images.device)
    kernel[:, :, 1, 1] = 5
    out = images.float()
    out[..., 1:-1, 1:-1] = F.conv2d(images.float(), kernel / 13, groups=3).round_()
    return out


def _posterize(images: torch.Tensor, s: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    """Keep the upper 8 to 4 bits."""
    cut = torch.round(4 * s).to(torch.uint8)
    return (images >> cut) << cut


Operation = Callable[
    [torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor
]  # images, strengths, signs [K, 1, 1, 1]

# the geometric ones give a 2 x 3 matrix of a signed strength in -1..1, the others change pixels
OPERATIONS: dict[str, Callable[[float], list[list[float]]] | Operation] = {
    "identity": lambda x, s, sign: x,
    "rotate": _rotate,
    "shear_x": lambda v: [[1, SHEAR * v, 0], [0, 1, 0]],
    "shear_y": lambda v: [[1, 0, 0], [SHEAR * v, 1, 0]],
    "shift_x": lambda v: [[1, 0, -2 * SHIFT * v], [0, 1, 0]],
    "shift_y": lambda v: [[1, 0, 0], [0, 1, -2 * SHIFT * v]],
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
