"""What the experiments share: batches, answers, error bars, and how they report while they run.

Every experiment is a function of a model in evaluation mode and of pixels; it changes neither, and leaves no
hooks. It calls `progress(share done, result so far)` after each batch; an exception of that function ends it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from vitcore.errors import UserError

Progress = Callable[[float, Any], None]
BATCH = 20  # images between two reports: a second or two on two cores
AT_ONCE = 120  # images of 32 x 32 pixels in one forward pass: larger passes are not faster on a CPU


def quiet(share: float, result: Any) -> None:  # noqa: ANN401
    """A progress that nobody watches."""


def batches(count: int, size: int = BATCH) -> Iterator[slice]:
    """The images 0..count-1 in order, at most `size` at a time."""
    for start in range(0, count, size):
        yield slice(start, min(count, start + size))


def check_count(count: int, least: int = 2) -> None:
    """Raises `UserError` for fewer images than an error bar needs."""
    if count < least:
        raise UserError(f"This experiment needs at least {least} images, not {count}.")


def device_of(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


@torch.inference_mode()
def answers(model: nn.Module, images: torch.Tensor) -> np.ndarray:
    """The predicted classes of normalised images, in passes of bounded size. [N, 3, S, S] -> int64 [N]"""
    size = max(1, AT_ONCE * 32 * 32 // images.shape[-1] ** 2)
    found = [model(part).argmax(dim=1) for part in images.to(device_of(model)).split(size)]
    return torch.cat(found).cpu().numpy()


def share_error(hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of hits over the last axis, and its standard error sqrt(p (1 - p) / n). bool [..., n]"""
    share = hits.mean(axis=-1)
    return share, np.sqrt(share * (1 - share) / hits.shape[-1])


def mean_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean over the last axis, and its standard error s / sqrt(n); nan for one value. [..., n]"""
    count = values.shape[-1]
    if count < 2:
        return values.mean(axis=-1), np.full(values.shape[:-1], math.nan)
    return values.mean(axis=-1), values.std(axis=-1, ddof=1) / math.sqrt(count)


class Running:
    """Mean and standard error over images of arrays too large to keep one by one."""

    def __init__(self) -> None:
        self.count = 0
        self._mean: np.ndarray | float = 0.0
        self._squares: np.ndarray | float = 0.0  # summed squared deviations from the mean

    def add(self, values: np.ndarray) -> None:
        """values [B, ...]: of B more images"""
        values = values.astype(np.float64)
        count, mean = len(values), values.mean(axis=0)
        step, total = mean - self._mean, self.count + count
        self._squares = (
            self._squares + ((values - mean) ** 2).sum(axis=0) + step**2 * self.count * count / total
        )
        self._mean = self._mean + step * count / total
        self.count = total

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """(mean, standard error), each of the shape of one image's values; the error of one is nan."""
        if self.count < 2:
            return np.asarray(self._mean), np.full(np.shape(self._mean), math.nan)
        return np.asarray(self._mean), np.sqrt(self._squares / (self.count - 1) / self.count)
