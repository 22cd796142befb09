"""Similarity of layers: CKA between the layers of two models on the same images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitcore.errors import UserError
from vitcore.probes.estimates import Table
from vitcore.probes.probe import Outcome, Probe, Settings, View
from vitcore.probes.shapes import Matrix, Shape
from vitcore.probes.statistics import table
from vitcore.probes.values import Values
from vitcore.probes.wording import enumerate_words

if TYPE_CHECKING:
    import torch
    from torch import nn

BATCH = 50  # images; each minibatch gives an unbiased estimate
LEAST = 4  # images that the estimator needs
GROUPS = 10  # groups per minibatch, left out one at a time for the error


class SimilarityValues(Values):
    """CKA of all pairs of layers, with the layers of the first model before those of the second."""

    layers: tuple[list[str], list[str]]  # of the first model, of the second
    cka: Table  # [L][L], L the layers of both

    def shapes(self) -> list[Shape]:
        """Return one shape with the complete matrix."""
        return [Matrix("cka", self.layers, self.cka, label="CKA")]


def measure(
    model: nn.Module, other: nn.Module, images: torch.Tensor, labels: np.ndarray | None, settings: Settings
) -> Iterator[tuple[int, SimilarityValues]]:
    """Measure CKA in minibatches of `BATCH` images, with errors from `standard_error`."""
    import torch

    from vitcore.analysis.attention import as_input
    from vitcore.analysis.layers import layer_maps
    from vitcore.analysis.representation import gram

    if len(images) < LEAST:
        raise UserError(f"cka needs at least {LEAST} images, not {len(images)}.")
    batches: list[np.ndarray] = []  # per minibatch [1 + groups, L, L]
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH]
        if len(part) < LEAST:
            break
        with torch.inference_mode():
            first, second = (layer_maps(m, as_input(part, m)) for m in (model, other))
            batches.append(tables([gram(maps) for maps in (*first.values(), *second.values())]))
        mean = ratio(sum((hsics[0] for hsics in batches), np.zeros(())))
        yield (
            start + len(part),
            SimilarityValues(layers=(list(first), list(second)), cka=table(mean, standard_error(batches))),
        )


def tables(grams: list[torch.Tensor]) -> np.ndarray:
    """Return HSIC of all pairs of L Gram matrices [n, n] of a minibatch. -> [1 + groups, L, L]

    The first entry uses all images. Each further entry leaves out one of `GROUPS` groups of neighboring
    images (one image of each class, if the classes alternate). There are no groups if fewer than the 4 images
    required by the estimator would remain.
    """
    from vitcore.analysis.representation import hsic

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


def ratio(hsics: np.ndarray) -> np.ndarray:
    """Return CKA from (sums of) HSIC [L, L].

    It is NaN for a constant layer, and where chance made the unbiased estimate for a layer itself negative.
    """
    diagonal = np.diag(hsics)
    own = np.sqrt(np.where(diagonal > 0, diagonal, np.nan))
    return hsics / own[:, None] / own[None, :]


def standard_error(batches: list[np.ndarray]) -> np.ndarray:
    """Return the standard error of `ratio` of the sum of the minibatches' `tables`. -> [L, L]

    The method is a stratified delete-a-group jackknife with a stratum per minibatch (Kott 2001, The
    Delete-a-Group Jackknife). As for every statistic of pairs, the result is too large (Efron and Stein
    1981), here by a fifth to two fifths. It is 0 if there are no groups to leave out.
    """
    total = sum((hsics[0] for hsics in batches), np.zeros(()))
    variance = np.zeros_like(total)
    for hsics in batches:
        groups = len(hsics) - 1
        if groups:
            left = np.stack([ratio(total - hsics[0] + without) for without in hsics[1:]])
            variance += (groups - 1) / groups * ((left - left.mean(axis=0)) ** 2).sum(axis=0)
    return np.sqrt(variance)


def finding(outcomes: Sequence[Outcome[SimilarityValues]], view: View) -> str:
    """Return the two most similar layers of different models, nothing if no pair has a similarity."""
    first, *_ = outcomes
    layers, cka = first.values.layers, first.values.cka
    cut = len(layers[0])
    between = np.array(cka.mean)[:cut, cut:]
    if np.isnan(between).all():
        return ""
    row, column = np.unravel_index(np.nanargmax(between), between.shape)
    error = cka.error[row][cut + column]
    words = [f"{layers[0][row]} of the {first.label}", f"{layers[1][column]} of the {first.other}"]
    best = f"CKA {between[row, column]:.2f} ± {error:.2f}"
    return f"Most similar layers of the two models: {enumerate_words(words)} ({best})."


PROBE = Probe(
    name="cka",
    title="Similarity of layers",
    question="Which layers represent the images similarly?",
    method="Linear CKA of all layers within and between two models, from minibatches of 50 images. It uses "
    "the unbiased estimator, because the biased one is far too large with fewer images than features. The "
    "standard error comes from leaving out a tenth of each minibatch at a time. It tends to be too large.",
    formula=(
        r"\mathrm{CKA} = \frac{\sum_b \mathrm{HSIC}(K_b, M_b)}"
        r"{\sqrt{\sum_b \mathrm{HSIC}(K_b, K_b)}\,\sqrt{\sum_b \mathrm{HSIC}(M_b, M_b)}}",
        r"\mathrm{HSIC}(K, M) = \frac{1}{n(n-3)}\Big(\mathrm{tr}\,KM + "
        r"\frac{\mathbf{1}^{\!\top}\!K\mathbf{1}\;\mathbf{1}^{\!\top}\!M\mathbf{1}}{(n-1)(n-2)} - "
        r"\frac{2}{n-2}\,\mathbf{1}^{\!\top}\!KM\mathbf{1}\Big)",
    ),
    notation=r"$K = XX^{\top}$ and $M = YY^{\top}$, with zero diagonals, hold the inner products of the "
    "features of $n$ images in two layers.",
    reading="**Read it**: 1 means that the same images are similar in both layers, up to rotation and scale "
    "of the features. A bright diagonal between two models means that they pass through similar stages.",
    source="Kornblith et al. 2019, Similarity of Neural Network Representations Revisited; minibatches: "
    "Nguyen et al. 2021, Do Wide and Deep Networks Learn the Same Things?; ViTs: Raghu et al. 2021",
    related="the estimator: Song et al. 2012",
    leaves_out=f"it compares batches of {BATCH}, and leaves out a last one of fewer than {LEAST}",
    version=2,
    pair=True,
    values=SimilarityValues,
    steps=measure,
    needs="images",
    finding=finding,
    order=60,
)
