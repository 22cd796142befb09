"""Receptive field: the pixels on which one position of each layer depends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitcore.probes.estimates import Number, Series
from vitcore.probes.probe import Outcome, Probe, Settings, View
from vitcore.probes.shapes import Box, LayerSeries, Maps, Shape
from vitcore.probes.statistics import RunningMean, parts, series
from vitcore.probes.values import Values
from vitcore.probes.wording import reach_finding

if TYPE_CHECKING:
    import torch
    from torch import nn

# stored results and commands hold these names, including the British spelling
PLACES = ("centre", "top left", "top", "top right", "left", "right", "bottom left", "bottom", "bottom right")


class FieldValues(Values):
    """Maps that sum to one, and their reach."""

    layers: list[str]
    pixel: list[int]  # row and column of the position
    fields: list[list[list[Number]]]  # [layers][S][S]
    bounds: list[Box] | None  # theoretical fields, if the structure is known
    reach: Series  # mean distance of the field in pixels

    def shapes(self) -> list[Shape]:
        """Return the maps, and the reach by depth."""
        maps = Maps(
            "share of the gradient",
            self.layers,
            self.fields,
            self.bounds,
            alt="the pixels on which each layer depends",
            note="All maps share one color scale, in powers of ten. The frame is the theoretical receptive "
            "field, outside of which the gradient is exactly zero.",
            unit="each pixel's share of the gradient",
            hover="of the gradient",
        )
        reach = LayerSeries(
            "mean distance of what is read, pixels",
            self.layers,
            self.reach,
            axis="mean distance, pixels",
            alt="the reach of each layer",
        )
        return [maps, reach]


def measure(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray | None, settings: Settings
) -> Iterator[tuple[int, FieldValues]]:
    """Measure the mean absolute gradient of the position, normalized to sum to one for each image."""
    import torch

    from vitcore.analysis.layers import bounds
    from vitcore.analysis.receptive import mean_reaches, pixel_of, receptive_fields

    size = images.shape[-1]
    pixel = pixel_of(settings["place"], size)
    fields, reach = RunningMean(), RunningMean()
    boxes = bounds(model, size, pixel)
    for part in parts(images):
        found = receptive_fields(model, images[part], pixel)
        stack = torch.stack(list(found.values()), dim=1)  # [B, layers, S, S]
        total = stack.sum(dim=(-2, -1), keepdim=True).clamp_min(1e-30)
        fields.add(stack / total)
        reach.add(mean_reaches(list(found.values()), boxes, pixel))
        yield (
            part.stop,
            FieldValues(
                layers=list(found),
                pixel=list(pixel),
                fields=np.round(fields.mean, 7).tolist(),
                bounds=boxes,
                reach=series(*reach.estimates),
            ),
        )


def finding(outcomes: Sequence[Outcome[FieldValues]], view: View) -> str:
    """Return the reach of the first and of the last block."""
    return reach_finding([(outcome.label, outcome.values.reach) for outcome in outcomes])


PROBE = Probe(
    name="receptive-field",
    title="Receptive field",
    question="On which pixels does one position depend, layer by layer?",
    method="The mean absolute gradient of one position in a layer with respect to the pixels. It is exactly "
    "zero outside of the theoretical receptive field. For attention, this field is the whole image.",
    formula=(
        r"F_l(u) = \frac{1}{n}\sum_{i=1}^{n} \frac{1}{Z_i}\,"
        r"\Big|\frac{\partial}{\partial x_u}\sum_c z_{l,c}(x_i)\Big|, "
        r"\qquad r_l = \sum_u F_l(u)\,\lVert u - p\rVert",
    ),
    notation="The gradient is summed over colors, and $Z_i$ normalizes the sum over pixels to one; $r_l$ is "
    "the mean distance from the position $p$.",
    reading="**Read it** from the first layer to the last: the effective receptive field of a CNN grows with "
    "every kernel and fills only a part of the theoretical receptive field. A position in a ViT can depend "
    "on the entire image from the first block on.",
    source="Luo et al. 2016, Understanding the Effective Receptive Field",
    venue="NIPS",
    choices={"place": PLACES},
    values=FieldValues,
    steps=measure,
    needs="images",
    finding=finding,
    order=40,
    shared_scale=True,
)
