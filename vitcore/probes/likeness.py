"""The probe cka: how alike the layers of two models see the same images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from vitcore.analysis.attention import as_input
from vitcore.analysis.layers import layer_maps
from vitcore.analysis.representation import gram, hsic
from vitcore.errors import UserError
from vitcore.probes.robustness import Values, series

BATCH = 50  # images; each minibatch gives an unbiased estimate


@torch.inference_mode()
def cka(
    model: nn.Module, other: nn.Module, images: torch.Tensor, labels: np.ndarray, settings: Values
) -> Iterator[tuple[int, Values]]:
    """{"layers": [names of the first, names of the second], "cka": {"mean", "error"} [L][L]}, L the layers of
    both in that order. Errors: jackknife over minibatches, zero for a single one.
    """
    if len(images) < 4:
        raise UserError(f"cka needs at least 4 images, not {len(images)}.")
    found: list[np.ndarray] = []  # per minibatch [L, L]
    for start in range(0, len(images), BATCH):
        x = as_input(images[start : start + BATCH])
        if len(x) < 4:  # too few for the estimator
            break
        both = [layer_maps(m, x) for m in (model, other)]
        grams = [gram(maps) for layers in both for maps in layers.values()]
        table = np.zeros((len(grams), len(grams)))
        for i, k in enumerate(grams):
            for j, m in enumerate(grams[: i + 1]):
                table[i, j] = table[j, i] = float(hsic(k, m))
        found.append(table)
        stack = np.stack(found)
        mean = ratio(stack.sum(axis=0))
        yield (
            start + len(x),
            {"layers": [list(layers) for layers in both], "cka": series(mean, jackknife(stack))},
        )


def ratio(table: np.ndarray) -> np.ndarray:
    """CKA from (sums of) HSIC [L, L]; not a number where a layer does not vary."""
    own = np.sqrt(np.clip(np.diag(table), 1e-30, None))
    return table / own[:, None] / own[None, :]


def jackknife(tables: np.ndarray) -> np.ndarray:
    """Standard error of `ratio` by leaving out one minibatch at a time. [B, L, L] -> [L, L]"""
    count = len(tables)
    if count < 2:
        return np.zeros(tables.shape[1:])
    left = np.stack([ratio(tables.sum(axis=0) - table) for table in tables])
    return np.sqrt((count - 1) / count * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
