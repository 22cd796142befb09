"""Frequencies: whether a layer smooths or sharpens its feature maps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitcore.numbers import rounded
from vitcore.probes.estimates import Number, Record, Series
from vitcore.probes.probe import Outcome, Probe, Settings, View
from vitcore.probes.shapes import LayerSeries, Shape
from vitcore.probes.statistics import RunningMean, parts, series
from vitcore.probes.values import Values
from vitcore.probes.wording import enumerate_words, with_error

if TYPE_CHECKING:
    import torch
    from torch import nn


class Profile(Record):
    """Log amplitude of one layer against frequency, relative to frequency 0."""

    frequency: list[Number]  # multiples of pi
    mean: list[Number]
    error: list[Number]


class SpectrumValues(Values):
    """Natural logarithms of amplitudes. Layers with maps smaller than 2 x 2 are omitted."""

    layers: list[str]
    sides: list[int]  # of the layers' maps
    fall: Series  # change of log amplitude from frequency 0 to the highest
    profiles: list[Profile]

    def shapes(self) -> list[Shape]:
        """Return the fall by depth."""
        axis = "natural log of the amplitude, highest minus lowest frequency"
        return [LayerSeries("change of log amplitude", self.layers, self.fall, axis, sides=self.sides)]


def measure(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray | None, settings: Settings
) -> Iterator[tuple[int, SpectrumValues]]:
    """Measure the mean spectra over images."""
    import torch

    from vitcore.analysis.attention import as_input
    from vitcore.analysis.layers import layer_maps
    from vitcore.analysis.representation import frequencies, spectrum

    profiles: dict[str, RunningMean] = {}
    sides: dict[str, int] = {}
    for part in parts(images):
        with torch.inference_mode():
            for name, maps in layer_maps(model, as_input(images[part], model)).items():
                if maps.shape[-1] < 2:
                    continue
                lines = spectrum(maps)  # [B, h // 2 + 1]
                profiles.setdefault(name, RunningMean()).add(lines - lines[:, :1])
                sides[name] = maps.shape[-1]
        ends = np.array([(profile.mean[-1], profile.error[-1]) for profile in profiles.values()])
        yield (
            part.stop,
            SpectrumValues(
                layers=list(profiles),
                sides=list(sides.values()),
                fall=series(*ends.T),
                profiles=[
                    Profile(
                        frequency=rounded(np.array(frequencies(sides[name])) / math.pi),
                        mean=rounded(profile.mean),
                        error=rounded(profile.error),
                    )
                    for name, profile in profiles.items()
                ],
            ),
        )


def finding(outcomes: Sequence[Outcome[SpectrumValues]], view: View) -> str:
    """Return the change after the last stride, because a stride changes the available frequencies."""
    words = []
    for outcome in outcomes:
        fall, sides = outcome.values.fall, outcome.values.sides
        start = max(1, sides.index(sides[-1]))
        change = fall.mean[-1] - fall.mean[start]
        way = "smooths" if change < 0 else "sharpens"
        if abs(change) < 2 * (fall.error[-1] ** 2 + fall.error[start] ** 2) ** 0.5:
            way = "does neither"
        layer = outcome.values.layers[start]
        ends = f"{with_error(fall, start)} after {layer}, {with_error(fall, -1)} at the end"
        words.append(f"the {outcome.label} {way} ({ends})")
    return (
        f"Within the last stage, whose layers have maps of one size, {enumerate_words(words)}. Attention is "
        "expected to smooth, and convolutions are expected to sharpen. A stride changes which frequencies "
        "exist, so each line ends there."
    )


PROBE = Probe(
    name="fourier",
    title="Frequencies",
    question="Does a layer smooth or sharpen?",
    method="The natural logarithm of the amplitude of each layer's feature maps, along the diagonal of the "
    "Fourier transform. Its fall from the lowest to the highest frequency measures how smooth the maps are.",
    formula=(
        r"\Delta_l = \log \bar{F}_l(\pi) - \log \bar{F}_l(0), \qquad \bar{F}_l(\omega) = "
        r"\frac{1}{C}\sum_c \big|\mathrm{FFT}(z_{l,c})(\omega, \omega)\big|",
    ),
    reading="The curve is the mean over images.\n\n**Read it**: compare successive blocks of the same "
    "size. A fall from one block to the next means that the block smooths, as is expected of attention, "
    "which averages over tokens. A rise means that it sharpens, as is expected of convolutions. A stride "
    "changes which frequencies exist, which explains the jumps of a ResNet.",
    source="Park and Kim 2022, How Do Vision Transformers Work?",
    venue="ICLR",
    values=SpectrumValues,
    steps=measure,
    needs="images",
    finding=finding,
    order=70,
)
