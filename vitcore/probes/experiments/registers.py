"""Outlier norms: positions with unusually large norms by layer, and the attention that they receive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitcore import numbers
from vitcore.probes.estimates import Series, Table
from vitcore.probes.probe import Outcome, Probe, Settings, View
from vitcore.probes.shapes import Curves, LayerSeries, Panel, Shape, Spreads
from vitcore.probes.statistics import RunningMean, parts, series, table
from vitcore.probes.values import Values
from vitcore.probes.wording import enumerate_words

if TYPE_CHECKING:
    import torch
    from torch import nn

QUANTILES = {"5 %": 0.05, "25 %": 0.25, "75 %": 0.75, "95 %": 0.95, "largest": 1.0}
RECEIVERS = {"to_outliers": "outlier patches", "to_cls": "CLS", "to_registers": "registers"}
NOTE = (
    "Norms after each layer, in multiples of the median of the image. Line: the largest of all positions. "
    "Dark band: the middle half of the positions, light band: from 5 % to 95 %. Dashed: CLS, dash-dotted: "
    "registers. All are means over images. Outliers are at least at twice the median (dotted). Values below "
    "0.1 are drawn at 0.1."
)


class NormValues(Values):
    """Norms by layer, in multiples of the median of the patches of the image. Attention only for a ViT."""

    layers: list[str]
    quantiles: Table  # [layers][QUANTILES], of the patches
    outliers: Series  # fraction of the patches
    cls: Series | None = None  # norm
    registers: Series | None = None  # mean norm
    to_outliers: Series | None = None  # fraction of the attention in each block
    even: Series | None = None  # that of the outlier patches, if attention were uniform
    to_cls: Series | None = None
    to_registers: Series | None = None

    def shapes(self) -> list[Shape]:
        """Return the norms, the outliers among them, and the attention that these receive."""
        others = {"CLS": self.cls, "registers": self.registers}
        marked = self.outliers
        percent = Series(mean=[100 * m for m in marked.mean], error=[100 * e for e in marked.error])
        shapes: list[Shape] = [
            Spreads(
                "norm / median",
                self.layers,
                tuple(QUANTILES),
                self.quantiles,
                {name: found for name, found in others.items() if found},
                reference=2,
                note=NOTE,
            ),
            LayerSeries("outliers, % of the positions", self.layers, percent, "outliers, % of the positions"),
        ]
        received = {f"attention, {name}": getattr(self, field) for field, name in RECEIVERS.items()}
        received = {name: found for name, found in received.items() if found}
        if received:
            panels = [Panel(name, f"To {name.partition(', ')[2]}") for name in received]
            blocks = range(1, len(self.layers))
            shapes.append(Curves("block", blocks, received, panels, even=True, whole=False))
        return shapes


def measure(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray | None, settings: Settings
) -> Iterator[tuple[int, NormValues]]:
    """Measure the norms of the patches, or of the positions of a CNN's maps, and the attention of a ViT."""
    import torch

    from vitcore.analysis.attention import as_input, capture
    from vitcore.analysis.features import outliers, received_attention
    from vitcore.analysis.layers import layer_maps
    from vitcore.networks.vit import ViT

    means: dict[str, RunningMean] = {}

    def add(name: str, layers: list[torch.Tensor]) -> None:
        means.setdefault(name, RunningMean()).add(torch.stack(layers, dim=1))

    for part in parts(images):
        x = as_input(images[part], model)
        if isinstance(model, ViT):
            trace, first = capture(model, x), model.prefix_tokens
            front = model.has_cls + model.distilled
            layers = ["patches", *(f"block {i + 1}" for i in range(len(model.blocks)))]
            norms = list(trace.hidden.norm(dim=-1).unbind(dim=1))  # of [B, T]
        else:
            with torch.inference_mode():
                maps = layer_maps(model, x)
            layers, trace, first, front = list(maps), None, 0, 0
            norms = [values.flatten(2).norm(dim=1) for values in maps.values()]
        marked = [outliers(values, prefix=first)[:, first:] for values in norms]
        ratios = [in_medians(values, first) for values in norms]
        shares = torch.tensor(list(QUANTILES.values()))
        add("quantiles", [values[:, first:].quantile(shares, dim=1).T for values in ratios])
        add("outliers", [found.double().mean(dim=1) for found in marked])
        if trace is not None:
            received = received_attention(trace.weights).unbind(dim=1)  # of [B, T], for each block
            chosen = [found.double() for found in marked[:-1]]  # at the inputs of the blocks
            to = zip(received, chosen, strict=True)
            add("to_outliers", [(values[:, first:] * found).sum(dim=1) for values, found in to])
            add("even", [found.sum(dim=1) / norms[0].shape[1] for found in chosen])
            if model.has_cls:
                add("cls", [values[:, 0] for values in ratios])
                add("to_cls", [values[:, 0] for values in received])
            if first > front:
                add("registers", [values[:, front:first].mean(dim=1) for values in ratios])
                add("to_registers", [values[:, front:first].sum(dim=1) for values in received])
        found = {name: series(*mean.estimates) for name, mean in means.items() if name != "quantiles"}
        yield (
            part.stop,
            NormValues(layers=layers, quantiles=table(*means["quantiles"].estimates), **found),
        )


def in_medians(norms: torch.Tensor, first: int) -> torch.Tensor:
    """Divide norms [B, T] by the median of each image from the token `first` on. Zeros if the median is 0."""
    median = norms[:, first:].quantile(0.5, dim=1, keepdim=True)
    return (norms / median).where(median > 0, 0)


def finding(outcomes: Sequence[Outcome[NormValues]], view: View) -> str:
    """Return the largest share of outliers of each model, and the attention that they receive there."""
    words, received = [], []
    for outcome in outcomes:
        values = outcome.values
        worst = int(np.argmax(values.outliers.mean))
        share = numbers.percent(values.outliers.mean[worst], 1, values.outliers.error[worst])
        where = f"after {values.layers[worst]}" if worst else "before block 1"
        words.append(
            f"{share} {where} ({outcome.label})" if any(values.outliers.mean) else f"none ({outcome.label})"
        )
        if values.to_outliers and values.even and any(values.to_outliers.mean):
            block = int(np.argmax(values.to_outliers.mean))
            given = numbers.percent(values.to_outliers.mean[block], 1, values.to_outliers.error[block])
            uniform = numbers.percent(values.even.mean[block], 1)
            received.append(
                f"In block {block + 1} of the {outcome.label}, they receive {given} of the attention; "
                f"uniform attention would give them {uniform}."
            )
    return " ".join([f"Largest share of outliers: {enumerate_words(words)}.", *received])


PROBE = Probe(
    name="registers",
    title="Norms",
    question="Do some tokens have outlier norms?",
    method="The L2 norm of every patch in the residual stream after every layer, divided by the median of "
    "its image. For a CNN or a Mixer, it is the norm of the channels at each position of a layer's maps. A "
    "norm is an outlier if it is more than five robust standard deviations above the median, and at least "
    "twice the median, as on the Attention page. For a ViT, the curves also show which share of the "
    "attention the outlier patches, CLS and the registers receive, as means over all heads and queries. The "
    "outliers of a block are those at its input.",
    formula=(
        r"O_l = \{\, i : n_{l,i} > m_l + 5 \cdot 1.4826\,\mathrm{MAD}_l \;\text{ and }\; "
        r"n_{l,i} \ge 2\, m_l \,\}, \qquad n_{l,i} = \lVert z_{l,i} \rVert",
        r"s_l = \frac{1}{H\,T} \sum_{h} \sum_{q} \sum_{k \in O_{l-1}} A_{l,h}[q, k]",
    ),
    notation="$m_l$ is the median of the norms of the patches in layer $l$, and $\\mathrm{MAD}_l$ the median "
    "of their distances from it, both for one image. The standard errors are over images.",
    reading="**Read it**: large ViTs that were trained for long have a few patches with many times the norm "
    "of the others, from the middle layers on. They are often parts of a uniform background, in which the "
    "model stores what it knows about the whole image, and they receive much of the attention. Registers are "
    "additional tokens that take over this role. Small ViTs have no such patches, and then the line of the "
    "largest norm stays below twice the median. Outliers before the first block are only patches of high "
    "contrast. In a CNN, a large norm only says that many channels respond at this position.",
    source="Darcet et al. 2024, Vision Transformers Need Registers",
    venue="ICLR",
    values=NormValues,
    steps=measure,
    needs="images",
    finding=finding,
    order=55,
)
