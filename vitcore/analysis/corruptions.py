"""Common corruptions of images in five severities (Hendrycks and Dietterich 2019).

The parameters are those that the authors published: of CIFAR-10-C for images of up to 32 x 32 pixels, and of
ImageNet-C for larger ones (github.com/hendrycks/robustness, make_cifar_c.py and make_imagenet_c.py). Noise is
a function of the corruption, the severity and the sample. As in CIFAR-10-C, the values of pixels are cut to
integers at the end.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

SEVERITIES = 5
LARGEST_SMALL = 32  # side in pixels up to which the parameters are those of CIFAR-10-C
TOLERANCE = 1e-6  # of 255, so that rounding errors do not cut a whole value off


@dataclass(frozen=True)
class Corruption:
    """One corruption: what it does to one image, and its five parameters for small and for large images.

    `apply` takes an image with values from 0 to 1, float64 [S, S, 3], a parameter and a random generator.
    """

    apply: Callable[[np.ndarray, Any, np.random.Generator], np.ndarray]
    small: tuple[Any, ...]
    large: tuple[Any, ...]


def _without_noise(
    change: Callable[[np.ndarray, Any], np.ndarray],
) -> Callable[[np.ndarray, Any, np.random.Generator], np.ndarray]:
    """Return a change of an image, given a parameter, as `Corruption.apply`."""
    return lambda x, parameter, random: change(x, parameter)


def gaussian_noise(x: np.ndarray, spread: float, random: np.random.Generator) -> np.ndarray:
    """Add normal noise with this standard deviation to every value."""
    return x + random.normal(scale=spread, size=x.shape)


def shot_noise(x: np.ndarray, photons: float, random: np.random.Generator) -> np.ndarray:
    """Replace every value by the share of `photons` that a Poisson process counts."""
    return random.poisson(x * photons) / photons


def defocus_blur(x: np.ndarray, disk: tuple[float, float]) -> np.ndarray:
    """Average over a disk, given its radius and the spread that smooths its edge, both in pixels."""
    kernel = torch.from_numpy(disk_kernel(*disk))
    half = min(kernel.shape[0] // 2, x.shape[0] - 1)  # a reflection cannot be wider than the image
    center = kernel.shape[0] // 2
    kernel = kernel[center - half : center + half + 1, center - half : center + half + 1]
    wide = F.pad(torch.from_numpy(x).permute(2, 0, 1)[:, None], (half,) * 4, mode="reflect")
    return F.conv2d(wide, kernel[None, None])[:, 0].permute(1, 2, 0).numpy()


def disk_kernel(radius: float, spread: float) -> np.ndarray:
    """Return a disk whose edge is smoothed by a Gaussian of 3 x 3 (or 5 x 5) pixels, as a kernel.

    As with the authors' parameters, the sum is 1 up to a radius of 8, and 1.01 for the radius 10, where the
    disk touches the border of the array that is smoothed.
    """
    extent, edge = (8, 1) if radius <= 8 else (int(radius), 2)
    steps = np.arange(-extent, extent + 1)
    disk = (steps[:, None] ** 2 + steps**2 <= radius**2).astype(np.float64)
    bell = np.exp(-(np.arange(-edge, edge + 1) ** 2) / (2 * spread**2))
    bell /= bell.sum()
    smooth = np.pad(disk / disk.sum(), edge, mode="reflect")
    for _ in range(2):  # down, then across
        smooth = np.array([np.convolve(column, bell, mode="valid") for column in smooth.T])
    used = np.flatnonzero(smooth.sum(axis=0) > 0)
    return smooth[used[0] : used[-1] + 1, used[0] : used[-1] + 1]


def fog(x: np.ndarray, haze: tuple[float, float], random: np.random.Generator) -> np.ndarray:
    """Add a plasma fractal, given its strength and how fast its details weaken, and keep the maximum."""
    strength, decay = haze
    size, top = len(x), x.max()
    clouds = plasma(1 << max(1, (size - 1).bit_length()), decay, random)[:size, :size, None]
    return (x + strength * clouds) * top / (top + strength)


def plasma(size: int, decay: float, random: np.random.Generator) -> np.ndarray:
    """Return a height map from 0 to 1 by the diamond-square algorithm. `size` is a power of two.

    The map is periodic. The amplitude of the random offsets starts at 100 squared, as the authors' does, and
    is divided by `decay` after every halving of the step. -> float64 [size, size]
    """
    heights = np.zeros((size, size))
    step, amplitude = size, 100.0

    def around(total: np.ndarray) -> np.ndarray:
        return total / 4 + amplitude * random.uniform(-amplitude, amplitude, total.shape)

    while step >= 2:
        half = step // 2
        corners = heights[::step, ::step]
        rows = corners + np.roll(corners, -1, axis=0)
        heights[half::step, half::step] = around(rows + np.roll(rows, -1, axis=1))
        centers, corners = heights[half::step, half::step], heights[::step, ::step]
        beside = centers + np.roll(centers, 1, axis=0) + corners + np.roll(corners, -1, axis=1)
        heights[::step, half::step] = around(beside)
        above = centers + np.roll(centers, 1, axis=1) + corners + np.roll(corners, -1, axis=0)
        heights[half::step, ::step] = around(above)
        step, amplitude = half, amplitude / decay
    heights -= heights.min()
    return heights / heights.max()


def brightness(x: np.ndarray, more: float) -> np.ndarray:
    """Add to the value of every pixel in HSV, which is its largest channel. Hue and saturation stay."""
    value = x.max(axis=-1, keepdims=True)
    brighter = np.minimum(value + more, 1)
    return np.where(value > 0, x * brighter / np.where(value > 0, value, 1), brighter)


def contrast(x: np.ndarray, factor: float) -> np.ndarray:
    """Scale the distance of every value from the mean of its channel."""
    mean = x.mean(axis=(0, 1), keepdims=True)
    return (x - mean) * factor + mean


def pixelate(x: np.ndarray, share: float) -> np.ndarray:
    """Shrink the image to this share of its side and enlarge it again, both with a box filter."""
    picture, size = _picture(x), len(x)
    small = max(1, int(size * share))
    box = Image.Resampling.BOX
    return np.asarray(picture.resize((small, small), box).resize((size, size), box)) / 255


def jpeg(x: np.ndarray, quality: int) -> np.ndarray:
    """Compress the image as JPEG with this quality, and read it again."""
    file = io.BytesIO()
    _picture(x).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)) / 255


def _picture(x: np.ndarray) -> Image.Image:
    return Image.fromarray(_integers(x))


def _integers(x: np.ndarray) -> np.ndarray:
    return np.floor(255 * np.clip(x, 0, 1) + TOLERANCE).astype(np.uint8)


CORRUPTIONS = {
    "Gaussian noise": Corruption(
        gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.1), (0.08, 0.12, 0.18, 0.26, 0.38)
    ),
    "shot noise": Corruption(shot_noise, (500, 250, 100, 75, 50), (60, 25, 12, 5, 3)),
    "defocus blur": Corruption(
        _without_noise(defocus_blur),
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    ),
    "fog": Corruption(
        fog,
        ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
        ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
    ),
    "brightness": Corruption(
        _without_noise(brightness), (0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5)
    ),
    "contrast": Corruption(_without_noise(contrast), (0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05)),
    "pixelate": Corruption(
        _without_noise(pixelate), (0.95, 0.9, 0.85, 0.75, 0.65), (0.6, 0.5, 0.4, 0.3, 0.25)
    ),
    "JPEG": Corruption(_without_noise(jpeg), (80, 65, 58, 50, 40), (25, 18, 15, 10, 7)),
}


def corrupted(images: torch.Tensor, name: str, severity: int, samples: np.ndarray) -> torch.Tensor:
    """Corrupt images with a severity from 0 (unchanged) to 5.

    images uint8 [B, 3, S, S], samples int [B], from which the noise of each image follows -> the same shape
    """
    if severity == 0:
        return images
    corruption = CORRUPTIONS[name]
    parameters = corruption.small if images.shape[-1] <= LARGEST_SMALL else corruption.large
    changed = np.empty_like(images.numpy())
    for i, (image, sample) in enumerate(zip(images.numpy(), samples, strict=True)):
        random = np.random.default_rng([list(CORRUPTIONS).index(name), severity, int(sample)])
        x = corruption.apply(image.transpose(1, 2, 0) / 255, parameters[severity - 1], random)
        changed[i] = _integers(x).transpose(2, 0, 1)
    return torch.from_numpy(changed)
