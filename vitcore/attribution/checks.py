"""Checks of a map: the map of a model with random weights, and random orders for deletion and insertion.

torch is imported when a function is called.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import nn

    from vitcore.config import Config

SEEDS = tuple(range(5))  # of models with random weights
ORDERS = tuple(range(10))  # seeds of random orders
LEAST = 2  # of each, however slow they are, since a standard error needs two
LIMIT_S = 10.0  # seconds after which no further model is begun, and again for the orders

_building = threading.Lock()  # the random numbers of torch belong to all threads


@dataclass(frozen=True)
class Curves:
    """Probabilities of a class while cells are deleted and inserted: two arrays [points]."""

    deletion: np.ndarray
    insertion: np.ndarray


@dataclass(frozen=True)
class MapCheck:
    """The checks of one map: correlations with maps of random models, its curves, those of random orders."""

    random_map: np.ndarray  # [h, w], of the first seed
    correlations: list[float]  # one for each seed, NaN for a constant map
    curves: Curves
    orders: list[Curves]

    def correlation(self) -> tuple[float, float, int]:
        """Return the mean of the correlations, its standard error, and the number of constant random maps.

        A constant map has no rank, so it counts in neither. Mean and error are NaN if every map is constant.
        """
        defined = [value for value in self.correlations if not np.isnan(value)]
        mean, error = mean_and_error(defined) if defined else (np.nan, np.nan)
        return mean, error, len(self.correlations) - len(defined)


def with_random_weights(config: Config, seed: int) -> nn.Module:
    """Return the model of a configuration with the random weights of a seed, in evaluation mode."""
    import torch

    from vitcore.models import build_for

    with _building, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_for(config).eval()


def check(
    values: np.ndarray,
    random_map: Callable[[int], np.ndarray],
    curves: Callable[[np.ndarray], Curves],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[int, int, MapCheck | None]]:
    """Yield (done, total, None) after each part of the checks of a map [h, w], and last the checks.

    `random_map` returns the map of the model with the random weights of a seed. `curves` returns the curves
    for an order of cells. After `LIMIT_S` seconds, no further random model is begun. The orders have as many
    seconds of their own, so that their number does not depend on how slow the method is.
    """
    from vitcore.analysis.faithfulness import order_of, random_order, rank_correlation

    total, began = len(SEEDS) + len(ORDERS) + 1, clock()
    maps: list[np.ndarray] = []
    for seed in SEEDS:
        if len(maps) >= LEAST and clock() - began > LIMIT_S:
            break
        maps.append(random_map(seed))
        yield len(maps), total, None
    began = clock()
    own = curves(order_of(values))
    orders: list[Curves] = []
    for seed in ORDERS:
        if len(orders) >= LEAST and clock() - began > LIMIT_S:
            break
        yield len(SEEDS) + 1 + len(orders), total, None
        orders.append(curves(random_order(seed)))
    correlations = [rank_correlation(values, random_map) for random_map in maps]
    yield total, total, MapCheck(maps[0], correlations, own, orders)


def mean_and_error(values: list[float]) -> tuple[float, float]:
    """Return the mean and its standard error, which is 0 for a single value. NaN values make both NaN."""
    found = np.array(values)
    return float(found.mean()), float(found.std(ddof=1) / np.sqrt(len(found))) if len(found) > 1 else 0.0
