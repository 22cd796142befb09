"""Means and standard errors over images, as the typed values of probes. No torch when imported."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from vitcore.probes.estimates import Estimate, Series, Table

if TYPE_CHECKING:
    import torch

STEP = 10  # images between two reports


def parts(count: int) -> Iterator[slice]:
    """The images 0..count-1 in order, a few at a time."""
    for start in range(0, count, STEP):
        yield slice(start, min(count, start + STEP))


def plain(values: np.ndarray) -> list:
    """An array as nested lists, six digits after the point."""
    return np.round(np.asarray(values, dtype=np.float64), 6).tolist()


def estimate(mean: np.ndarray, error: np.ndarray) -> Estimate:
    """Arrays []."""
    return Estimate(mean=float(np.round(mean, 6)), error=float(np.round(error, 6)))


def series(mean: np.ndarray, error: np.ndarray) -> Series:
    """Arrays [n]."""
    return Series(mean=plain(mean), error=plain(error))


def table(mean: np.ndarray, error: np.ndarray) -> Table:
    """Arrays [rows, columns]."""
    return Table(mean=plain(mean), error=plain(error))


def share(hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """bool [..., n] -> the share over the last axis and its binomial standard error, sqrt(p (1 - p) / n)."""
    mean = hits.mean(axis=-1)
    return mean, np.sqrt(mean * (1 - mean) / hits.shape[-1])


def paired_change(hits: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share with a change minus the share before, paired by image, and its standard error. bool [..., n],
    bool [n]
    """
    apart = hits.astype(float) - before.astype(float)
    mean = apart.mean(axis=-1)
    error = apart.std(axis=-1, ddof=1) / math.sqrt(len(before)) if len(before) > 1 else 0 * mean
    return mean, error


class RunningMean:
    """Mean and standard error over images of arrays too large to keep one by one."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: np.ndarray = np.zeros(())
        self.squares: np.ndarray = np.zeros(())

    def add(self, values: torch.Tensor) -> None:
        """values [B, ...]: of B more images (Chan et al. 1979)"""
        more = values.double().cpu().numpy()
        mean, count = more.mean(axis=0), len(more)
        step, total = mean - self.mean, self.count + count
        self.squares = (
            self.squares + ((more - mean) ** 2).sum(axis=0) + step**2 * (self.count * count / total)
        )
        self.mean, self.count = self.mean + step * (count / total), total

    @property
    def error(self) -> np.ndarray:
        """Standard error, zeros for a single image."""
        if self.count < 2:
            return np.zeros_like(self.mean)
        return np.sqrt(self.squares / (self.count - 1) / self.count)

    @property
    def estimates(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard error."""
        return self.mean, self.error
