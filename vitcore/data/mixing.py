"""MixUp and CutMix as a pure function of (seed, epoch, sample).

The partner of an image is drawn from the whole split, so that a mixed image does not depend on its batch.
MixUp: Zhang et al. 2018; CutMix: Yun et al. 2019.
"""

from __future__ import annotations

import numpy as np
import torch

from vitcore.data.augment import uniforms
from vitcore.data.transfer import to_device

TRIES = 8
STREAM = 0xC0FFEE  # makes these draws independent of the augmentation's


def draw_mix(
    seed: int, epoch: int, samples: np.ndarray, count: int, *, mixup: float, cutmix: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw how each sample is mixed. samples int [B], out of `count` -> four arrays:

    the partner int [B]; the weight of the image itself [B], from Beta(alpha, alpha); whether to use CutMix
    [B], for half of the images when both alphas are positive; the center of the box [B, 2], as fractions of
    height and width.
    """
    draw = uniforms(seed ^ STREAM, epoch, samples, 4 + 2 * TRIES)
    partner = np.floor(draw[:, 0] * count).astype(np.int64)
    cut = draw[:, 1] < 0.5 if mixup and cutmix else np.full(len(samples), cutmix > 0)
    alpha = np.where(cut, cutmix, mixup)
    return partner, beta(draw[:, 4:], alpha), cut, draw[:, 2:4]


def beta(draw: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Sample Beta(alpha, alpha) for 0 < alpha <= 1 from pairs of uniform numbers (Joehnk 1964).

    [B, 2 * TRIES], [B] -> [B]
    """
    logs = np.log(np.maximum(draw, 2.0**-64)).reshape(len(draw), TRIES, 2) / alpha[:, None, None]
    x, y = logs.transpose(2, 0, 1)  # [B, TRIES], logarithms: powers of 1 / alpha underflow
    good = np.logaddexp(x, y) <= 0
    first = good.argmax(axis=1)[:, None]
    x, y = (np.take_along_axis(v, first, axis=1)[:, 0] for v in (x, y))
    return np.where(good.any(axis=1), np.exp(-np.logaddexp(0, y - x)), 0.5)  # x / (x + y)


def mix(
    images: torch.Tensor,
    partners: torch.Tensor,
    labels: torch.Tensor,
    partner_labels: torch.Tensor,
    share: np.ndarray,
    cut: np.ndarray,
    center: np.ndarray,
    classes: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mix images [B, 3, S, S] with their partners. Return images and targets [B, classes], which sum to 1.

    For CutMix, the weight of the image is the area that remains after the box is clipped at the border.
    """
    size, device = images.shape[-1], images.device
    side = size * np.sqrt(1 - share)[:, None]  # of the box
    low = np.clip(np.round(center * size - side / 2), 0, size).astype(np.int64)  # [B, 2]
    high = np.clip(np.round(center * size + side / 2), 0, size).astype(np.int64)
    share = np.where(cut, 1 - (high - low).prod(axis=1) / size**2, share)
    line = torch.arange(size, device=device)
    low, high = (to_device(x, device)[..., None] for x in (low, high))  # [B, 2, 1]
    inside = (line >= low) & (line < high)  # [B, 2, S]
    box = inside[:, 0, :, None] & inside[:, 1, None, :]  # [B, S, S]
    own = to_device(share, device, torch.float32)
    kept = torch.where(
        to_device(cut, device)[:, None, None], (~box).float(), own[:, None, None].expand_as(box)
    )[:, None]
    one_hot = torch.nn.functional.one_hot(
        torch.stack([labels, partner_labels]), classes
    ).float()  # [2, B, classes]
    targets = own[:, None] * one_hot[0] + (1 - own)[:, None] * one_hot[1]
    return images * kept + partners * (1 - kept), targets
