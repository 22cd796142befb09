"""The shapes that measured values have. No torch.

Each shape gives its `rows` for the terminal, the CSV file and the page, and says what its figure needs: axis
titles, descriptions, notes. `dashboard.inductive_bias.shape_figures` has the figures of each shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from vitcore.probes.estimates import Estimate, Series, Table

Row = dict[str, Any]
Box = tuple[int, int, int, int]  # top, left, bottom, right; pixels, inclusive


@dataclass(frozen=True)
class Shape:
    """`quantity`: what is measured, with its unit."""

    quantity: str

    def rows(self) -> Iterator[Row]:
        """One flat row per number."""
        raise NotImplementedError


@dataclass(frozen=True)
class Panel:
    """One panel of a figure: a curve, whose name may hold a field of `View` as "{border}", and a title."""

    curve: str
    title: str


@dataclass(frozen=True)
class Curves(Shape):
    """Shares between 0 and 1 over one variable, which is the `quantity`."""

    x: Sequence[int]
    curves: dict[str, Series]
    panels: Sequence[Panel]
    even: bool = False  # draw the values of x equally far apart

    def rows(self) -> Iterator[Row]:
        """Curve by curve."""
        for name, curve in self.curves.items():
            for x, mean, error in zip(self.x, curve.mean, curve.error, strict=True):
                yield {"quantity": name, self.quantity: x, "mean": mean, "error": error}


@dataclass(frozen=True)
class LayerSeries(Shape):
    """One number per layer, drawn against depth. `axis`: title of the figure's axis; `alt`: what the figure
    shows, where that is not the question of the experiment.
    """

    layers: Sequence[str]
    series: Series
    axis: str
    alt: str = ""

    def rows(self) -> Iterator[Row]:
        """Layer by layer."""
        yield from _layer_rows(self.quantity, self.layers, self.series)


@dataclass(frozen=True)
class LayersAndHeads(LayerSeries):
    """One number per layer as a line and, where a model has attention, one per head as a point."""

    heads: dict[str, Table] = field(default_factory=dict)  # quantity: [block][head]; the first is drawn
    points: str = ""  # what a point is
    references: dict[str, float] = field(default_factory=dict)  # horizontal lines
    reference_kind: str = ""  # what the lines are references of
    note: str = ""  # below the figure; "{label}" is the model's name

    def rows(self) -> Iterator[Row]:
        """The layers, then the heads of every quantity."""
        yield from super().rows()
        for quantity, table in self.heads.items():
            yield from _head_rows(quantity, table)


@dataclass(frozen=True)
class Changes(Shape):
    """Changes of a share when a part is taken out of the model: of each block, and of each head where there
    are heads. `base`: the share of the whole model.
    """

    base: Estimate
    blocks: Sequence[str]
    without_block: Series
    without_head: Table | None = None

    def rows(self) -> Iterator[Row]:
        """The share of the whole model, the blocks, the heads."""
        yield {"quantity": self.quantity, "mean": self.base.mean, "error": self.base.error}
        change = f"change of {self.quantity} without the"
        yield from _layer_rows(f"{change} block", self.blocks, self.without_block)
        if self.without_head:
            yield from _head_rows(f"{change} head", self.without_head)


@dataclass(frozen=True)
class Matrix(Shape):
    """A symmetric table, between 0 and 1, over the layers of two models one after the other."""

    layers: tuple[Sequence[str], Sequence[str]]
    table: Table
    label: str  # of the color bar

    def rows(self) -> Iterator[Row]:
        """Each pair of layers once."""
        names = [f"{i + 1}: {layer}" for i, layers in enumerate(self.layers) for layer in layers]
        for i, first in enumerate(names):
            for j in range(i):
                yield {
                    "quantity": self.quantity,
                    "layer": first,
                    "other layer": names[j],
                    "mean": self.table.mean[i][j],
                    "error": self.table.error[i][j],
                }


@dataclass(frozen=True)
class Maps(Shape):
    """One map of shares per layer, with the bound outside of which everything is zero. The pixels are in the
    JSON only.
    """

    layers: Sequence[str]
    maps: Sequence[Sequence[Sequence[float]]]  # [layers][S][S]
    bounds: Sequence[Box] | None
    alt: str  # what the figure shows
    note: str  # below the figure
    unit: str  # of the color bar, for a share in percent
    hover: str  # continues the percentage of a pixel

    def rows(self) -> Iterator[Row]:
        """None."""
        return iter(())


def _layer_rows(quantity: str, layers: Sequence[str], series: Series) -> Iterator[Row]:
    for layer, mean, error in zip(layers, series.mean, series.error, strict=True):
        yield {"quantity": quantity, "layer": layer, "mean": mean, "error": error}


def _head_rows(quantity: str, table: Table) -> Iterator[Row]:
    for block, (means, errors) in enumerate(zip(table.mean, table.error, strict=True), start=1):
        for head, (mean, error) in enumerate(zip(means, errors, strict=True), start=1):
            yield {
                "quantity": quantity,
                "layer": f"block {block}",
                "head": head,
                "mean": mean,
                "error": error,
            }
