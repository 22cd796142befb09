"""Attention distance of the heads of a ViT, and the reach of the layers of every model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitcore.probes.estimates import Series, Table
from vitcore.probes.probe import Outcome, Probe, Settings, View
from vitcore.probes.shapes import LayersAndHeads, Row, Shape
from vitcore.probes.statistics import RunningMean, parts, series, table
from vitcore.probes.values import Values
from vitcore.probes.wording import reach_finding

if TYPE_CHECKING:
    import torch
    from torch import nn


RESIDUAL = (
    "Attention distances leave out the residual path, which keeps the pixels of each position itself. The "
    "effective receptive field includes it."
)


class DistanceValues(Values):
    """Mean distances in pixels. The last three fields are only for a ViT."""

    layers: list[str]
    reach: Series  # of the receptive field of a layer's center
    sides: list[int] | None  # of the theoretical fields in pixels, only for a CNN
    heads: Table | None = None  # [blocks][heads]
    entropy: Table | None = None  # bits
    references: dict[str, float] | None = None

    def brief_rows(self) -> Iterator[Row]:
        """Yield the reach of the layers, without the heads."""
        yield from self._layers_and_heads().layer_rows()

    def shapes(self) -> list[Shape]:
        """Return the reach as a line and the heads as points."""
        return [self._layers_and_heads()]

    def _layers_and_heads(self) -> LayersAndHeads:
        tables = {"mean attention distance, pixels": self.heads, "entropy of attention, bits": self.entropy}
        sides = ", ".join(map(str, self.sides or ()))
        return LayersAndHeads(
            "mean distance of what is read, pixels",
            self.layers,
            self.reach,
            axis="pixels",
            heads={quantity: heads for quantity, heads in tables.items() if heads},
            points="attention of each head",
            line="effective receptive field",
            references=self.references or {},
            reference_kind="attention",
            note=f"Theoretical receptive fields of the {{label}}'s layers, pixels a side: {sides}."
            if sides
            else (RESIDUAL if self.heads else ""),
        )


def measure(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray | None, settings: Settings
) -> Iterator[tuple[int, DistanceValues]]:
    """Measure distances, weighted by the effective receptive field of the center, and by attention."""
    from vitcore.analysis.attention import as_input, capture
    from vitcore.analysis.heads import mean_distance, mean_entropy, references
    from vitcore.analysis.layers import bounds
    from vitcore.analysis.receptive import mean_reaches, pixel_of, receptive_fields
    from vitcore.networks.vit import ViT

    size = images.shape[-1]
    pixel = pixel_of("centre", size)
    distance, entropy, reach = RunningMean(), RunningMean(), RunningMean()
    boxes = bounds(model, size, pixel)
    for part in parts(images):
        x = as_input(images[part], model)
        fields = receptive_fields(model, x, pixel)
        reach.add(mean_reaches(list(fields.values()), boxes, pixel))
        layers, reached = list(fields), series(*reach.estimates)
        if not isinstance(model, ViT):
            sides = [box[2] - box[0] + 1 for box in boxes] if boxes else None
            yield part.stop, DistanceValues(layers=layers, reach=reached, sides=sides)
            continue
        weights = capture(model, x).weights  # [B, layers, H, T, T]
        distance.add(mean_distance(weights, model.patch_size, prefix=model.prefix_tokens))
        entropy.add(mean_entropy(weights, prefix=model.prefix_tokens))
        lines = references(model.grid, model.patch_size)
        yield (
            part.stop,
            DistanceValues(
                layers=layers,
                reach=reached,
                sides=None,
                heads=table(*distance.estimates),
                entropy=table(*entropy.estimates),
                references={line.name: round(line.distance, 3) for line in lines},
            ),
        )


def finding(outcomes: Sequence[Outcome[DistanceValues]], view: View) -> str:
    """Return the reach of the first and of the last block, then the attention distances of both."""
    words = [
        f"{_of_heads(values.heads, 0)} pixels in the first block of the {outcome.label}, "
        f"{_of_heads(values.heads, -1)} in the last (uniform attention: {uniform:.1f})"
        for outcome in outcomes
        if (values := outcome.values).heads and (uniform := (values.references or {}).get("uniform"))
    ]
    reach = reach_finding([(outcome.label, outcome.values.reach) for outcome in outcomes])
    return f"{reach} Mean attention distance of the heads: {'; '.join(words)}." if words else reach


def _of_heads(heads: Table, block: int) -> str:
    """Return the mean over the heads of a block with its error.

    The heads see the same images, so the mean of their errors is an upper bound.
    """
    return f"{np.mean(heads.mean[block]):.2f} ± {np.mean(heads.error[block]):.2f}"


PROBE = Probe(
    name="distance",
    title="Attention distance",
    question="How far does each layer look?",
    method="Each point is a head of a ViT: the mean distance between a patch and the patches that it attends "
    "to, without CLS. The lines show for every model the mean distance of the pixels on which the center of "
    "a layer depends, weighted by the effective receptive field. Attention leaves out the residual path, "
    "which the effective receptive field includes.",
    formula=(
        r"\bar d_{l,h} = \frac{1}{N}\sum_q\sum_k A_{l,h}[q,k]\,\lVert p_q - p_k\rVert, "
        r"\qquad r_l = \sum_u F_l(u)\,\lVert u - p\rVert",
    ),
    notation="The standard errors are over images.",
    reading="**Read it**: compare the points with the reference lines for uniform attention and for the "
    "3 x 3 neighborhood. In large ViTs, Raghu et al. found both local and global heads in the first layers, "
    "and only global heads in the last.",
    source="Raghu et al. 2021, Do Vision Transformers See Like CNNs?",
    venue="NeurIPS",
    values=DistanceValues,
    steps=measure,
    needs="images",
    finding=finding,
    order=50,
)
