"""Compute means and standard errors over images, as typed values of probes. No torch when imported."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from vitcore.numbers import rounded
from vitcore.probes.estimates import Estimate, Series, Table

if TYPE_CHECKING:
    import torch

    from vitcore.data.decoded import Pixels

STEP = 10  # images between two progress reports
SMALL = 64  # side in pixels up to which so many are measured at once


def parts(images: torch.Tensor | np.ndarray | Pixels) -> Iterator[slice]:
    """Yield slices of a few images [N, 3, S, S] that cover 0..N-1 in order.

    Large images are measured one by one: all variants of ten of them would take gigabytes and minutes.
    """
    count, step = len(images), max(1, STEP * SMALL**2 // max(SMALL, images.shape[-1]) ** 2)
    for start in range(0, count, step):
        yield slice(start, min(count, start + step))


def estimate(mean: np.ndarray, error: np.ndarray) -> Estimate:
    """Return an estimate from arrays []."""
    return Estimate(mean=float(np.round(mean, 6)), error=float(np.round(error, 6)))


def series(mean: np.ndarray, error: np.ndarray) -> Series:
    """Return a series from arrays [n]."""
    return Series(mean=rounded(mean), error=rounded(error))


def table(mean: np.ndarray, error: np.ndarray) -> Table:
    """Return a table from arrays [rows, columns]."""
    return Table(mean=rounded(mean), error=rounded(error))


def share(hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the share over the last axis and its binomial error sqrt(p (1 - p) / n). bool [..., n]"""
    mean = hits.mean(axis=-1)
    return mean, np.sqrt(mean * (1 - mean) / hits.shape[-1])


def paired_change(hits: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the difference of the means after and before a change, and its standard error.

    The difference is paired by image. Hits or other numbers per image [..., n], and [n] before the change.
    """
    apart = hits.astype(float) - before.astype(float)
    mean = apart.mean(axis=-1)
    error = apart.std(axis=-1, ddof=1) / math.sqrt(len(before)) if len(before) > 1 else 0 * mean
    return mean, error


class RunningMean:
    """Running mean and standard error over images, for arrays too large to keep for every image."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: np.ndarray = np.zeros(())
        self.squares: np.ndarray = np.zeros(())

    def add(self, values: torch.Tensor) -> None:
        """Add the values [B, ...] of B more images (Chan et al. 1979)."""
        more = values.double().cpu().numpy()
        mean, count = more.mean(axis=0), len(more)
        step, total = mean - self.mean, self.count + count
        self.squares = (
            self.squares + ((more - mean) ** 2).sum(axis=0) + step**2 * (self.count * count / total)
        )
        self.mean, self.count = self.mean + step * (count / total), total

    @property
    def error(self) -> np.ndarray:
        """The standard error, or zeros for a single image."""
        if self.count < 2:
            return np.zeros_like(self.mean)
        return np.sqrt(self.squares / (self.count - 1) / self.count)

    @property
    def estimates(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard error."""
        return self.mean, self.error
