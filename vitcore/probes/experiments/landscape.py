"""Landscape: the loss around the weights of a model, and its curvature."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitcore.probes.estimates import Count, Estimate, Number, Record, Table
from vitcore.probes.probe import Outcome, Probe, Settings, View
from vitcore.probes.shapes import Landscape, Row, Shape
from vitcore.probes.statistics import estimate, paired_change, table
from vitcore.probes.values import Values
from vitcore.probes.wording import enumerate_words, plus_minus

if TYPE_CHECKING:
    import torch
    from torch import nn

    from vitcore.analysis.landscape import Weights

MOST = 100  # images: the time of a measurement is in proportion to them
SIDE = 13  # positions along each direction, from -1 to 1, including 0 and 0.5
DISTANCE = 0.5  # at which the rise of the loss is stated
PLANES = {"first": (0, 1), "second": (2, 3)}  # the seeds of the two directions
BATCH = 25  # images that are measured at every position before the next ones
ITERATIONS = 20  # at most, of the power iteration
TOLERANCE = 0.03  # residual at which it ends, as a share of the eigenvalue
PLANE_SHARE = 0.6  # of the time, for the progress


class Curvature(Record):
    """The largest eigenvalue of the Hessian, its standard error, and how well power iteration found it."""

    eigenvalue: Estimate
    residual: Number
    iterations: Count


class LandscapeValues(Values):
    """Losses on a plane, rows along the second direction, and the curvature, which is measured last."""

    positions: list[Number]  # along each direction; 0 are the weights of the model
    loss: Table
    rise: Estimate  # mean over four positions at `DISTANCE`, less the loss of the model
    curvature: Curvature | None = None

    def brief_rows(self) -> Iterator[Row]:
        """Yield the loss at the weights and its range, the rise and the curvature."""
        yield from self._landscape().brief_rows()

    def shapes(self) -> list[Shape]:
        """Return one shape with all values."""
        return [self._landscape()]

    def _landscape(self) -> Landscape:
        found = self.curvature
        return Landscape(
            "loss",
            self.positions,
            self.loss,
            DISTANCE,
            self.rise,
            found.eigenvalue if found else None,
            found.residual if found else math.nan,
        )


def measure(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray, settings: Settings
) -> Iterator[tuple[int, LandscapeValues | None]]:
    """Measure the plane, then the curvature. The images done are those of this share of the work."""
    import torch

    from vitcore.analysis.landscape import filter_directions, largest_eigenvalue

    first, second = (filter_directions(model, seed) for seed in PLANES[settings["plane"]])
    truth, total, values = torch.from_numpy(np.asarray(labels)).long(), len(images), None
    losses = np.zeros((SIDE, SIDE, 0))
    for start in range(0, total, BATCH):
        part = slice(start, start + BATCH)
        rows = []
        for row in _rows(model, images[part], truth[part], (first, second)):
            rows.append(row)
            done = start + len(truth[part]) * len(rows) / SIDE
            yield int(PLANE_SHARE * done), values
        losses = np.concatenate([losses, np.stack(rows)], axis=-1)
        values = _values(losses)
    found = None
    for step in largest_eigenvalue(model, images, truth, seed=0, most=ITERATIONS, tolerance=TOLERANCE):
        found = step or found
        share = min(1.0, (found.iterations if found else 0) / ITERATIONS)
        yield int(total * (PLANE_SHARE + (1 - PLANE_SHARE) * share)), values
    assert found is not None, "power iteration has at least one step"
    assert values is not None, "there is at least one image"
    curvature = Curvature(
        eigenvalue=estimate(np.array(found.value), np.array(found.error)),
        residual=round(found.residual, 6),
        iterations=found.iterations,
    )
    yield total, values.model_copy(update={"curvature": curvature})


def positions() -> np.ndarray:
    """Return the positions along a direction. The middle one is exactly 0."""
    return np.arange(-(SIDE // 2), SIDE // 2 + 1) / (SIDE // 2)


def _rows(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor, directions: tuple[Weights, Weights]
) -> Iterator[np.ndarray]:
    """Yield the losses of images along the first direction, for each position along the second. [SIDE, B]"""
    from vitcore.analysis.landscape import losses_at

    along = positions().tolist()
    for b in along:
        yield np.stack([losses_at(model, images, labels, directions, (a, b)).double().numpy() for a in along])


def _values(losses: np.ndarray) -> LandscapeValues:
    """Return the means and standard errors of losses [SIDE, SIDE, n]."""
    count = losses.shape[-1]
    error = losses.std(axis=-1, ddof=1) / math.sqrt(count) if count > 1 else np.zeros(losses.shape[:2])
    center = SIDE // 2
    low, high = center - round(DISTANCE * center), center + round(DISTANCE * center)
    around = losses[[center, center, low, high], [low, high, center, center]].mean(axis=0)  # [n]
    return LandscapeValues(
        positions=positions().round(6).tolist(),
        loss=table(losses.mean(axis=-1), error),
        rise=estimate(*paired_change(around, losses[center, center])),
    )


def finding(outcomes: Sequence[Outcome[LandscapeValues]], view: View) -> str:
    """Return the rise of the loss and the largest eigenvalue of each model."""
    rises = [f"{plus_minus(o.values.rise)} ({o.label})" for o in outcomes]
    text = f"At a distance of {DISTANCE:g}, the loss rises by {enumerate_words(rises)}."
    curved = [(o.label, o.values.curvature) for o in outcomes if o.values.curvature]
    if len(curved) < len(outcomes):
        return text
    largest = [f"{plus_minus(c.eigenvalue)} ({label})" for label, c in curved]
    return f"{text} Largest eigenvalue of the Hessian: {enumerate_words(largest)}."


PROBE = Probe(
    name="landscape",
    title="Landscape",
    question="How flat is the loss around the weights?",
    method=f"The loss on a plane through the weights of the model, at {SIDE} x {SIDE} positions. Its two "
    "directions are random, but the same for all models of one architecture. Each filter of a direction (a "
    "row of a weight matrix, or the kernels of one output channel) is scaled to the norm of the same filter "
    "of the model, and biases and normalizations do not move. At a distance of 1, a filter has moved by its "
    f"own norm. The largest eigenvalue of the Hessian, over all weights, is found by at most {ITERATIONS} "
    "power iterations with exact products of Hessian and vector. All models are in evaluation mode, so batch "
    f"norm uses its running statistics. The images are at most {MOST} test images. The paper uses training "
    "images, but models that were trained on different images share only those of the test, and the weights "
    "need not be a minimum of their loss.",
    formula=(
        r"f(\alpha, \beta) = L(\theta + \alpha\,\delta + \beta\,\eta), \qquad "
        r"\delta_{l,j} \leftarrow \frac{\delta_{l,j}}{\lVert\delta_{l,j}\rVert}\,\lVert\theta_{l,j}\rVert",
        r"\lambda = v^{\top} H v, \qquad v \leftarrow \frac{Hv}{\lVert Hv\rVert}, \qquad "
        r"H = \nabla^2_\theta L",
    ),
    notation=r"$L$ is the mean cross-entropy, $\theta_{l,j}$ is filter $j$ of layer $l$, and $\delta$ and "
    r"$\eta$ are the two directions. The standard error of $\lambda$ is that of the means of $v^{\top} H v$ "
    r"over groups of ten images, so one group has none. The residual is $\lVert Hv - \lambda v\rVert$: an "
    "eigenvalue is at most so far away. The rise of the loss is a mean over four positions, two on each "
    "axis, and its standard error is that of paired differences.",
    reading="**Read it** from the middle, where the trained weights are. Wide and evenly spaced lines mean "
    "that the weights can change a lot before the loss does. Both models share the color scale and the axes. "
    "Without the normalization, the picture would depend on the scale of the weights: with ReLU, one "
    "can multiply the filters of a layer by 10 and divide those of the next one by 10, and the model remains "
    "the same. The eigenvalue is not normalized. Such a change of scale makes it larger or smaller (Dinh et "
    "al. 2017), so compare it only between models of one architecture, trained alike. **It does not say** "
    "what happens in other directions: the plane is a slice through a space with as many dimensions as the "
    "model has weights, and a random direction hardly ever meets the steepest one. Nor does it say that a "
    "flatter model generalizes better.",
    source="Li et al. 2018, Visualizing the Loss Landscape of Neural Nets",
    venue="NeurIPS",
    related="scale: Dinh et al. 2017, Sharp Minima Can Generalize For Deep Nets; products with the Hessian: "
    "Pearlmutter 1994, Fast Exact Multiplication by the Hessian; ViT and ResNet: Chen, Hsieh and Gong 2022, "
    "When Vision Transformers Outperform ResNets without Pre-training or Strong Data Augmentations",
    values=LandscapeValues,
    steps=measure,
    finding=finding,
    images=MOST,
    most=MOST,
    choices={"plane": tuple(PLANES)},
    order=90,
    excluded_from_all=True,
)
