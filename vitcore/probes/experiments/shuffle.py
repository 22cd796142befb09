"""Shuffle: accuracy and consistency on images with permuted cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitcore.probes.live import Frames, LiveImage, same_for_all
from vitcore.probes.probe import Outcome, Probe, Settings, View
from vitcore.probes.shapes import Panel
from vitcore.probes.statistics import parts, series, share
from vitcore.probes.values import CurveValues
from vitcore.probes.wording import shares_at

if TYPE_CHECKING:
    import torch
    from torch import nn

GRIDS = (1, 2, 4, 8, 16)  # cells per side; 1 is the original image
DRAWS = 6  # permutations of each grid for the live image


class ShuffleValues(CurveValues):
    """Accuracy and consistency by number of cells per side."""

    names = ("accuracy", "consistency")
    unlabeled = ("consistency",)
    panels = (Panel("consistency", "Prediction unchanged"), Panel("accuracy", "Prediction correct"))
    even = True


def measure(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray | None, settings: Settings
) -> Iterator[tuple[int, ShuffleValues]]:
    """Measure shuffled images. Every image has its own permutation of each grid."""
    from vitcore.analysis.attention import as_input
    from vitcore.analysis.robustness import permutations, predict, shuffled

    size = images.shape[-1]
    grids = [grid for grid in GRIDS if size % grid == 0]
    predicted = np.zeros((len(grids), len(images)), int)
    for part in parts(images):
        samples = np.arange(part.start, part.stop)
        for i, grid in enumerate(grids):
            cells = permutations(0, grid**2, samples)
            predicted[i, part] = predict(model, shuffled(as_input(images[part], model), cells)).numpy()
        done = predicted[:, : part.stop]
        curves = {"consistency": series(*share(done == done[:1]))}
        if labels is not None:
            curves = {"accuracy": series(*share(done == labels[: part.stop])), **curves}
        yield part.stop, ShuffleValues(x=grids, unit="cells a side", curves=curves)


def finding(outcomes: Sequence[Outcome[ShuffleValues]], view: View) -> str:
    """Return the accuracy with 4 x 4 cells, or else the consistency."""
    if shares := shares_at(outcomes, "accuracy", 4):
        return f"Accuracy with 4 x 4 shuffled cells: {shares}."
    shares = shares_at(outcomes, "consistency", 4)
    return shares and f"Predictions unchanged by shuffling 4 x 4 cells: {shares}."


def live_frames(models: Sequence[nn.Module], image: torch.Tensor, border: str) -> Frames:
    """Permute the cells of an image: rows are finer and finer grids, columns are permutations."""
    import torch

    from vitcore.analysis.attention import as_input
    from vitcore.analysis.robustness import permutations, shuffled

    image = as_input(image, models[0])
    draws = np.arange(DRAWS)
    grids = [grid for grid in GRIDS if image.shape[-1] % grid == 0]
    copies = image.repeat(DRAWS, 1, 1, 1)
    mixed = torch.cat([shuffled(copies, permutations(1, grid**2, draws)) for grid in grids])
    rows = ["original", *(f"{grid} x {grid} cells" for grid in grids[1:])]
    return same_for_all(models, mixed, rows, [str(i + 1) for i in draws], start=0)


PROBE = Probe(
    name="shuffle",
    title="Shuffle",
    question="Does the arrangement of the parts matter?",
    method="The cells of a grid are permuted, with a different permutation for each image. A ViT without "
    "position embeddings is invariant to permutations of cells of its patch size.",
    formula=(
        r"a(g) = \frac{1}{n}\sum_{i=1}^{n} [\,\hat{y}(\pi_i x_i) = y_i\,], "
        r"\qquad \pi_i \text{ a permutation of } g \times g \text{ cells}",
    ),
    reading="**Read it** from left to right: a model whose curve falls late relies on parts and textures. "
    "A model whose curve falls early relies on their arrangement. The dotted line is chance.",
    source="Naseer et al. 2021, Intriguing Properties of Vision Transformers",
    venue="NeurIPS",
    needs="classifier",
    values=ShuffleValues,
    steps=measure,
    finding=finding,
    order=20,
    live=LiveImage(
        mode="again",
        unit="Grid",
        frames=live_frames,
        hint="The cells move, and their contents stay the same. In a grid of 8 x 8, a cell is 4 x 4 pixels.",
    ),
)
