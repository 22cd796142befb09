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
GROUPS = 10  # of each minibatch, left out one at a time for the error


@torch.inference_mode()
def cka(
    model: nn.Module, other: nn.Module, images: torch.Tensor, labels: np.ndarray, settings: Values
) -> Iterator[tuple[int, Values]]:
    """{"layers": [names of the first, names of the second], "cka": {"mean", "error"} [L][L]}, L the layers of
    both in that order. Errors: `standard_error`.
    """
    if len(images) < 4:
        raise UserError(f"cka needs at least 4 images, not {len(images)}.")
    found: list[np.ndarray] = []  # per minibatch [1 + groups, L, L]
    for start in range(0, len(images), BATCH):
        x = as_input(images[start : start + BATCH])
        if len(x) < 4:  # too few for the estimator
            break
        both = [layer_maps(m, x) for m in (model, other)]
        found.append(tables([gram(maps) for layers in both for maps in layers.values()]))
        mean = ratio(sum(table[0] for table in found))
        yield (
            start + len(x),
            {"layers": [list(layers) for layers in both], "cka": series(mean, standard_error(found))},
        )


def tables(grams: list[torch.Tensor]) -> np.ndarray:
    """HSIC of all pairs of L grams [n, n] of a minibatch: of all its images, then without each of `GROUPS`
    groups of neighbours (one image of each class, where the classes take turns). -> [1 + groups, L, L],
    without groups where fewer than the estimator's 4 images would be left.
    """
    count = len(grams[0])
    groups = np.array_split(np.arange(count), GROUPS) if count > GROUPS - 1 else []
    kept = [np.setdiff1d(np.arange(count), group) for group in ([], *groups)]
    found = np.zeros((len(kept), len(grams), len(grams)))
    for g, images in enumerate(kept):
        part = [k[images][:, images] for k in grams]
        for i, k in enumerate(part):
            for j, m in enumerate(part[: i + 1]):
                found[g, i, j] = found[g, j, i] = float(hsic(k, m))
    return found


def ratio(table: np.ndarray) -> np.ndarray:
    """CKA from (sums of) HSIC [L, L]; not a number where a layer does not vary."""
    own = np.sqrt(np.clip(np.diag(table), 1e-30, None))
    return table / own[:, None] / own[None, :]


def standard_error(found: list[np.ndarray]) -> np.ndarray:
    """Of `ratio` of the sum of minibatches' `tables`: stratified delete-a-group jackknife, each minibatch a
    stratum (Kott 2001, The Delete-a-Group Jackknife). As for every statistic of pairs it is too large
    (Efron and Stein 1981), here by a fifth to two fifths. -> [L, L]; 0 where nothing could be left out.
    """
    whole = sum(table[0] for table in found)
    variance = np.zeros_like(whole)
    for table in found:
        groups = len(table) - 1
        if groups:
            left = np.stack([ratio(whole - table[0] + without) for without in table[1:]])
            variance += (groups - 1) / groups * ((left - left.mean(axis=0)) ** 2).sum(axis=0)
    return np.sqrt(variance)
