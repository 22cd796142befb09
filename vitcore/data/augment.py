"""Augment whole batches as tensors, with a separate random draw for each image.

The draw is a pure function of (seed, epoch, sample). Runs are therefore reproducible, resume exactly, and can
be distributed over processes, and two models can see the same images at any batch size. The random numbers
come from a counter-based generator (SplitMix64: Steele, Lea and Flood 2014), so that there is no generator
state that other code could advance.
"""

from __future__ import annotations

import numpy as np
import torch

from vitcore.data.transfer import to_device
from vitcore.preprocessing import DEFAULT, Preprocessing

SHIFT = 4  # pixels, for the policy `shift`
SCALE, RATIO = (0.8, 1.0), (0.9, 1.1)  # of the tutorial's random resized crop
CROP_TRIES = 10  # attempts to draw a crop that fits, then the whole image, as in torchvision


def normalize(images: torch.Tensor, preprocessing: Preprocessing = DEFAULT) -> torch.Tensor:
    """Normalize images with a mean and a standard deviation, by default those of CIFAR-10.

    uint8 [B, 3, S, S] (or floats in 0..255) -> float32 [B, 3, S, S]
    """
    mean = torch.tensor(preprocessing.mean, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(preprocessing.std, device=images.device).view(1, 3, 1, 1)
    return (images.float() / 255 - mean) / std


def uniforms(seed: int, epoch: int, samples: np.ndarray, count: int) -> np.ndarray:
    """Return `count` numbers in [0, 1) for each sample of an epoch. samples int [B] -> float64 [B, count]"""
    key = _mix(_mix(np.array([seed], dtype=np.uint64)) ^ np.array([epoch], dtype=np.uint64))
    base = _mix(key ^ samples.astype(np.uint64))[:, None]  # [B, 1]
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (_mix(base + steps) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(x: np.ndarray) -> np.ndarray:
    x = (x + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def epoch_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """Return the order in which an epoch visits the samples 0..count-1. -> int64 [count]"""
    return np.argsort(uniforms(seed ^ 0x5EED, epoch, np.arange(count), 1)[:, 0], kind="stable")


def subset(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return a random share of the samples of each class, at least one. labels [N] -> sorted int64 [M].

    The subsets are nested: for one seed, a smaller share is a subset of a larger one.
    """
    if share >= 1:
        return np.arange(len(labels))
    rank = uniforms(seed ^ 0x5B5E7, 0, np.arange(len(labels)), 1)[:, 0]
    order = np.argsort(rank, kind="stable")
    kept = []
    for label in np.unique(labels):
        members = order[labels[order] == label]
        kept.append(members[: max(1, round(share * len(members)))])
    return np.sort(np.concatenate(kept))


def augment(
    images: torch.Tensor,
    policy: str,
    seed: int,
    epoch: int,
    samples: np.ndarray,
    preprocessing: Preprocessing = DEFAULT,
) -> torch.Tensor:
    """Augment a training batch. uint8 [B, 3, S, S], samples [B] -> normalized float32 [B, 3, S, S].

    The policies are:
    - `none`: no augmentation.
    - `tutorial`: flip with p 0.5, and random resized crop (scale 0.8..1, ratio 0.9..1.1, bilinear).
    - `shift`: flip, and shift by up to 4 pixels in each direction with reflected borders.
    - `trivial`: `shift`, then one operation of TrivialAugment.
    """
    if policy == "none":
        return normalize(images, preprocessing)
    draw = uniforms(seed, epoch, samples, 1 + 4 * CROP_TRIES)
    flip = to_device(draw[:, 0] < 0.5, images.device)
    if policy == "tutorial":
        return _crop(normalize(images, preprocessing), draw, flip)
    shifted = _shift(images, draw, flip)
    if policy == "shift":
        return normalize(shifted, preprocessing)
    from vitcore.data.trivial_augment import trivial_augment  # imports torchvision, which takes two seconds

    fill = preprocessing.mean_color()
    return normalize(trivial_augment(shifted, draw[:, 3:6], fill), preprocessing)


def _shift(images: torch.Tensor, draw: np.ndarray, flip: torch.Tensor) -> torch.Tensor:
    size, device = images.shape[-1], images.device
    offset = to_device(np.floor(draw[:, 1:3] * (2 * SHIFT + 1)).astype(np.int64) - SHIFT, device)  # [B, 2]
    line = torch.arange(size, device=device)
    rows, cols = line + offset[:, :1], line + offset[:, 1:]  # [B, S]
    cols = torch.where(flip[:, None], cols.flip(1), cols)
    rows, cols = (size - 1 - (size - 1 - x.abs()).abs() for x in (rows, cols))  # reflect at both borders
    batch = torch.arange(len(images), device=device)[:, None, None, None]
    channel = torch.arange(images.shape[1], device=device)[None, :, None, None]
    return images[batch, channel, rows[:, None, :, None], cols[:, None, None, :]]  # [B, 3, S, S]


def crop_boxes(draw: np.ndarray, size: int) -> np.ndarray:
    """Return the crop boxes of torchvision's RandomResizedCrop for a batch.

    draw [B, 4 * CROP_TRIES] -> int64 [B, 4]: top, left, height, width
    """
    tries = draw.reshape(len(draw), CROP_TRIES, 4)
    area = size * size * (SCALE[0] + (SCALE[1] - SCALE[0]) * tries[..., 0])
    low, high = np.log(RATIO)
    ratio = np.exp(low + (high - low) * tries[..., 1])
    width = np.round(np.sqrt(area * ratio)).astype(np.int64)  # [B, CROP_TRIES]
    height = np.round(np.sqrt(area / ratio)).astype(np.int64)
    fits = (width <= size) & (height <= size)
    first = fits.argmax(axis=1)[:, None]  # the first draw that fits
    pick = lambda x: np.take_along_axis(x, first, axis=1)[:, 0]  # noqa: E731
    any_fits = fits.any(axis=1)
    width, height = (np.where(any_fits, pick(x), size) for x in (width, height))
    top = np.floor(pick(tries[..., 2]) * (size - height + 1)).astype(np.int64)
    left = np.floor(pick(tries[..., 3]) * (size - width + 1)).astype(np.int64)
    return np.stack([top, left, height, width], axis=1)


def _crop(images: torch.Tensor, draw: np.ndarray, flip: torch.Tensor) -> torch.Tensor:
    size, device = images.shape[-1], images.device
    box = to_device(crop_boxes(draw[:, 1:], size), device, torch.float32)
    center = torch.arange(size, device=device) + 0.5  # of the output pixels

    def coordinates(start: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        inside = (center * (length / size)[:, None] - 0.5).clamp_min(0)  # [B, S], in pixels of the crop
        inside = torch.minimum(inside, length[:, None] - 1)  # stays within the crop
        return (start[:, None] + inside + 0.5) * 2 / size - 1  # grid_sample's -1..1

    rows, cols = coordinates(box[:, 0], box[:, 2]), coordinates(box[:, 1], box[:, 3])
    cols = torch.where(flip[:, None], cols.flip(1), cols)
    grid = torch.stack([cols[:, None, :].expand(-1, size, -1), rows[:, :, None].expand(-1, -1, size)], dim=-1)
    return torch.nn.functional.grid_sample(images, grid, align_corners=False)  # never outside the image
