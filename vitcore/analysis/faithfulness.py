"""Checks of attribution maps: their rank correlation, and deletion and insertion of the marked regions."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from vitcore.analysis.attention import as_input

GRID = 8  # cells per side whose order a map gives, whatever its own resolution
AT_ONCE = 2  # cells between two points of a curve


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's rank correlation of two maps of equal shape. Ties get their mean rank.

    It is NaN if a map has the same value everywhere.
    """
    if not (np.ptp(first) and np.ptp(second)):
        return float("nan")
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, count = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    last = count.cumsum()
    return (last - (count - 1) / 2)[place.ravel()]


def order_of(values: np.ndarray) -> np.ndarray:
    """Return the cells of a `GRID` x `GRID` grid from the highest value of a map to the lowest.

    Map [h, w] -> int [N]. A cell has the mean of the map inside it. Cells of equal value are ordered at
    random, with a fixed seed.
    """
    cells = F.adaptive_avg_pool2d(
        torch.from_numpy(np.ascontiguousarray(values, np.float32))[None, None], GRID
    )
    shuffled = random_order(0)
    return shuffled[np.argsort(-cells.numpy().ravel()[shuffled], kind="stable")]


def random_order(seed: int) -> np.ndarray:
    """Return a random order of the cells of the grid. -> int [N]"""
    return np.random.default_rng(seed).permutation(GRID * GRID)


@torch.inference_mode()
def deletion_and_insertion(
    model: nn.Module, image: torch.Tensor, target: int, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of a class while cells are deleted, and while they are inserted, in an order.

    The metrics of Petsiuk et al. 2018, with cells of a grid in place of pixels. A deleted or not yet inserted
    cell has the mean color. `AT_ONCE` cells change between two points. image [1, 3, S, S] (uint8 or
    normalized), order int [N] -> two arrays [N / AT_ONCE + 1].
    """
    x = as_input(image, model)
    count = len(order) // AT_ONCE + 1
    rank = torch.empty(len(order))
    rank[torch.from_numpy(order.copy())] = torch.arange(len(order), dtype=torch.float)
    changed = rank < AT_ONCE * torch.arange(count)[:, None]  # [points, N]
    changed = F.interpolate(changed.view(count, 1, GRID, GRID).to(x), x.shape[-1], mode="nearest")
    probabilities = model(torch.cat([x * (1 - changed), x * changed])).softmax(dim=1)[:, target]
    deletion, insertion = probabilities.view(2, count).double().cpu().numpy()
    return deletion, insertion


def area(curve: np.ndarray) -> float:
    """Return the area under a curve over the share of changed cells, from 0 to 1, by the trapezoidal rule."""
    return float((curve[1:] + curve[:-1]).sum() / 2 / (len(curve) - 1))
