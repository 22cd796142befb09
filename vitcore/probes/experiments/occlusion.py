"""Occlusion: accuracy or consistency on images with cells of the mean color, hidden in three orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitcore.errors import UserError
from vitcore.probes.live import Frames, LiveImage, pictures, probabilities
from vitcore.probes.probe import Outcome, Probe, Settings, View
from vitcore.probes.shapes import Panel
from vitcore.probes.statistics import parts, series, share
from vitcore.probes.values import CurveValues
from vitcore.probes.wording import shares_at

if TYPE_CHECKING:
    import torch
    from torch import nn

CELLS = 8  # per side of the grid
HIDDEN = (0, 4, 8, 16, 24, 32, 40, 48, 56, 60, 64)  # numbers of cells
LIVE_HIDDEN = tuple(range(0, CELLS**2 + 1, 4))  # of the live image
ORDERS = ("random", "most salient first", "least salient first")


class OcclusionValues(CurveValues):
    """Accuracy by number of hidden cells, for each order. Without labels, consistency in its place."""

    names = tuple(f"accuracy, {order}" for order in ORDERS)
    unlabeled = tuple(f"consistency, {order}" for order in ORDERS)
    panels = tuple(
        Panel(f"{kind}, {order}", title)
        for kind in ("accuracy", "consistency")
        for order, title in zip(
            ORDERS, ("Hidden at random", "Most salient first", "Least salient first"), strict=True
        )
    )


def measure(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray | None, settings: Settings
) -> Iterator[tuple[int, OcclusionValues]]:
    """Measure the predictions with hidden cells. Every model has its own ranking of the cells."""
    import torch

    from vitcore.analysis.attention import as_input
    from vitcore.analysis.robustness import occluded, predict

    if images.shape[-1] % CELLS:
        raise UserError(
            f"Images of side {images.shape[-1]} do not divide into {CELLS}x{CELLS} cells: choose a run on "
            f"images whose side is a multiple of {CELLS}."
        )
    predicted = np.zeros((len(ORDERS), len(HIDDEN), len(images)), int)
    for part in parts(images):
        x = as_input(images[part], model)
        orders = cell_orders(model, x, np.arange(part.start, part.stop))
        # Without hidden cells, and with all of them hidden, the images of all orders are the same.
        some = [occluded(x, order, count) for order in orders for count in HIDDEN[1:-1]]
        ends = [occluded(x, orders[0], count) for count in (HIDDEN[0], HIDDEN[-1])]
        classes = predict(model, torch.cat([*some, *ends])).numpy().reshape(-1, len(x))
        predicted[:, 1:-1, part] = classes[:-2].reshape(len(ORDERS), -1, len(x))
        predicted[:, 0, part], predicted[:, -1, part] = classes[-2:]
        done = predicted[..., : part.stop]
        kind, right = ("consistency", done[:, :1]) if labels is None else ("accuracy", labels[: part.stop])
        curves = {
            f"{kind}, {order}": series(*share(hits))
            for order, hits in zip(ORDERS, done == right, strict=True)
        }
        yield part.stop, OcclusionValues(x=list(HIDDEN), unit=f"hidden cells of {CELLS**2}", curves=curves)


def cell_orders(model: nn.Module, images: torch.Tensor, samples: np.ndarray) -> list[torch.Tensor]:
    """Return the `ORDERS` of hiding cells, each int [B, 64]. Equally salient cells are in random order."""
    from vitcore.analysis.robustness import cell_saliency, permutations

    chance = permutations(1, CELLS**2, samples)
    weight = cell_saliency(model, images, CELLS).cpu().gather(1, chance)
    most = chance.gather(1, weight.argsort(dim=1, descending=True, stable=True))
    return [chance, most, most.flip(1)]


def finding(outcomes: Sequence[Outcome[OcclusionValues]], view: View) -> str:
    """Return the accuracy with half of the cells hidden at random, or else the consistency."""
    if shares := shares_at(outcomes, "accuracy, random", 32):
        return f"Accuracy with half of the cells hidden at random: {shares}."
    shares = shares_at(outcomes, "consistency, random", 32)
    return shares and f"Predictions unchanged with half of the cells hidden at random: {shares}."


def live_frames(models: Sequence[nn.Module], image: torch.Tensor, border: str) -> Frames:
    """Hide more and more cells of an image in each of the `ORDERS`. Every model has its own ranking."""
    import torch

    from vitcore.analysis.attention import as_input
    from vitcore.analysis.robustness import occluded

    shown, predicted = [], []
    for model in models:
        x = as_input(image, model)
        orders = cell_orders(model, x, np.arange(1))
        hidden = torch.cat([occluded(x, order, count) for count in LIVE_HIDDEN for order in orders])
        shown.append(pictures(hidden, model))
        predicted.append(probabilities(model, hidden))
    rows = [f"{count} of {CELLS**2} hidden" for count in LIVE_HIDDEN]
    return Frames(np.stack(shown), np.stack(predicted), rows, list(ORDERS), start=0, cells=CELLS)


def predict_painted(models: Sequence[nn.Module], image: torch.Tensor, cells: Sequence[int]) -> np.ndarray:
    """Return the predictions with the cells marked 1 hidden. -> probabilities [M, classes]"""
    import torch

    from vitcore.analysis.attention import as_input
    from vitcore.analysis.robustness import occluded

    marked = torch.tensor(cells)
    order, count = marked.argsort(descending=True, stable=True)[None], int(marked.sum())
    return np.concatenate(
        [probabilities(model, occluded(as_input(image, model), order, count)) for model in models]
    )


PROBE = Probe(
    name="occlusion",
    title="Occlusion",
    question="How much of the image is needed?",
    method="Cells of an 8 x 8 grid are replaced by the mean color, either at random or in the order of their "
    "saliency for the model's prediction (gradient times input). Every model has its own order. For images "
    "without labels, consistency replaces accuracy: the share of predictions equal to that of the whole "
    "image.",
    formula=(r"s_j = \sum_{u \in \text{cell } j} x_u\,\frac{\partial f_{\hat{y}}(x)}{\partial x_u}",),
    reading="**Read it**: the further the curve *most salient first* falls below *random*, the better the "
    "gradient identifies the cells that the model needs.",
    source="Naseer et al. 2021, Intriguing Properties of Vision Transformers; the ranking: Shrikumar et al. "
    "2016, Not Just a Black Box",
    needs="classifier",
    values=OcclusionValues,
    steps=measure,
    finding=finding,
    order=30,
    live=LiveImage(
        mode="pick",
        unit="Hidden",
        frames=live_frames,
        paint=predict_painted,
        hint="Cells are hidden by each model's own ranking. Paint over the image to choose them yourself.",
    ),
)
