"""The shapes of measured values. Does not import torch.

Each shape provides its `rows` for the terminal, the CSV file and the page, and the texts of its figure: axis
titles, descriptions, notes. `dashboard.inductive_bias.shape_figures` draws the figures of each shape.
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
    """The base class of shapes. `quantity` is the measured quantity with its unit."""

    quantity: str

    def rows(self) -> Iterator[Row]:
        """Yield one flat row per number."""
        raise NotImplementedError


@dataclass(frozen=True)
class Panel:
    """One panel of a figure: a curve, whose name may hold a field of `View` as "{border}", and a title."""

    curve: str
    title: str


@dataclass(frozen=True)
class Curves(Shape):
    """Fractions from 0 to 1 as functions of one variable, which is the `quantity`."""

    x: Sequence[int]
    curves: dict[str, Series]
    panels: Sequence[Panel]
    even: bool = False  # draw the values of x evenly spaced
    whole: bool = True  # draw the axis up to 100 %

    def rows(self) -> Iterator[Row]:
        """Yield the rows curve by curve."""
        for name, curve in self.curves.items():
            for x, mean, error in zip(self.x, curve.mean, curve.error, strict=True):
                yield {"quantity": name, self.quantity: x, "mean": mean, "error": error}


@dataclass(frozen=True)
class Bars(Shape):
    """Fractions from 0 to 1, drawn as named bars in panels: [title of the panel][name of the bar]."""

    panels: dict[str, dict[str, Estimate]]

    def rows(self) -> Iterator[Row]:
        """Yield the rows panel by panel."""
        for title, bars in self.panels.items():
            for name, bar in bars.items():
                yield {"quantity": title.lower(), "of": name, "mean": bar.mean, "error": bar.error}


@dataclass(frozen=True)
class LayerSeries(Shape):
    """One number per layer, drawn by depth.

    `axis` is the title of the figure's axis. `alt` describes the figure, if that is not the question of the
    experiment. `sides` are the sizes of the layers' maps, if values are comparable only between layers of one
    size.
    """

    layers: Sequence[str]
    series: Series
    axis: str
    alt: str = ""
    sides: Sequence[int] = ()

    @property
    def stages(self) -> list[tuple[int, int]]:
        """The (start, end) of each sequence of layers with maps of one size, or of all layers."""
        count = len(self.series.mean)
        starts = [i for i in range(1, len(self.sides)) if self.sides[i] != self.sides[i - 1]]
        return list(zip([0, *starts], [*starts, count], strict=True))

    def rows(self) -> Iterator[Row]:
        """Yield the rows layer by layer."""
        yield from self.layer_rows()

    def layer_rows(self) -> Iterator[Row]:
        """Yield the rows of the series."""
        yield from _layer_rows(self.quantity, self.layers, self.series)


@dataclass(frozen=True)
class LayersAndHeads(LayerSeries):
    """One number per layer as a line and, for a model with attention, one per head as a point."""

    heads: dict[str, Table] = field(default_factory=dict)  # quantity: [block][head]; the first is drawn
    points: str = ""  # meaning of a point
    line: str = ""  # meaning of the line
    references: dict[str, float] = field(default_factory=dict)  # horizontal lines
    reference_kind: str = ""  # meaning of the reference lines
    note: str = ""  # below the figure; "{label}" is the model's name

    def rows(self) -> Iterator[Row]:
        """Yield the layers, then the heads of every quantity."""
        yield from self.layer_rows()
        for quantity, table in self.heads.items():
            yield from head_rows(quantity, table)


@dataclass(frozen=True)
class Spreads(Shape):
    """The spread of many values in each layer, as quantiles in ascending order.

    `others` are further values by layer, such as those of CLS. `reference` is drawn as a horizontal line.
    """

    layers: Sequence[str]
    names: Sequence[str]  # of the quantiles: two pairs of opposite ones, and the largest
    quantiles: Table  # [layers][names]
    others: dict[str, Series]
    reference: float
    note: str  # below the figure

    def columns(self) -> dict[str, Series]:
        """Return the values of all layers by the name of the quantile or of the further value."""
        means, errors = (zip(*rows, strict=True) for rows in (self.quantiles.mean, self.quantiles.error))
        found = zip(self.names, means, errors, strict=True)
        return {name: Series(mean=list(m), error=list(e)) for name, m, e in found} | self.others

    def rows(self) -> Iterator[Row]:
        """Yield the rows quantile by quantile."""
        for name, column in self.columns().items():
            yield from _layer_rows(f"{self.quantity}, {name}", self.layers, column)


@dataclass(frozen=True)
class Changes(Shape):
    """Changes of a fraction when a block or a head is removed from the model.

    `base` is the value of the whole model, or None if it is 1 by definition.
    """

    base: Estimate | None
    blocks: Sequence[str]
    without_block: Series
    without_head: Table | None = None

    @property
    def missing(self) -> list[int]:
        """The numbers of the blocks between the first and the last one that were not removed."""
        numbers = {int(name.rpartition(" ")[2]) for name in self.blocks if name.rpartition(" ")[2].isdigit()}
        return [n for n in range(1, max(numbers, default=0)) if n not in numbers]

    def rows(self) -> Iterator[Row]:
        """Yield the value of the whole model, then the blocks, then the heads."""
        if self.base:
            yield {"quantity": self.quantity, "mean": self.base.mean, "error": self.base.error}
        change = f"change of {self.quantity} without the"
        yield from _layer_rows(f"{change} block", self.blocks, self.without_block)
        if self.without_head:
            yield from head_rows(f"{change} head", self.without_head)


@dataclass(frozen=True)
class Matrix(Shape):
    """A symmetric table of values from 0 to 1 over the concatenated layers of two models."""

    layers: tuple[Sequence[str], Sequence[str]]
    table: Table
    label: str  # of the color bar

    def rows(self) -> Iterator[Row]:
        """Yield each pair of layers once."""
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
    """One map per layer, with the bounds outside of which it is zero. Only the JSON contains the pixels."""

    layers: Sequence[str]
    maps: Sequence[Sequence[Sequence[float]]]  # [layers][S][S]
    bounds: Sequence[Box] | None
    alt: str  # description of the figure
    note: str  # below the figure
    unit: str  # of the color bar, for percentages
    hover: str  # text after the percentage of a pixel

    def rows(self) -> Iterator[Row]:
        """Yield no rows."""
        return iter(())


@dataclass(frozen=True)
class Landscape(Shape):
    """A positive quantity on a plane through the weights of a model, and its curvature.

    `positions` are those along both directions, in the units of the plane. `rise` is the change of the
    quantity at the distance `distance`. The eigenvalue is None as long as it has not been measured.
    """

    positions: Sequence[float]
    table: Table  # [second direction][first direction]
    distance: float
    rise: Estimate
    eigenvalue: Estimate | None
    residual: float  # of the eigenvalue

    def rows(self) -> Iterator[Row]:
        """Yield the plane row by row, then the rise and the eigenvalue."""
        yield from self._plane()
        yield from self._measures()

    def brief_rows(self) -> Iterator[Row]:
        """Yield the value at the weights, the range on the plane, the rise and the eigenvalue."""
        plane = list(self._plane())
        at_weights = next(row for row in plane if row["first direction"] == row["second direction"] == 0)
        low, high = (pick(plane, key=lambda row: row["mean"]) for pick in (min, max))
        for name, row in (("at the weights", at_weights), ("lowest on the plane", low), ("highest", high)):
            yield {"quantity": f"{self.quantity}, {name}", "mean": row["mean"], "error": row["error"]}
        yield from self._measures()

    def _plane(self) -> Iterator[Row]:
        for second, means, errors in zip(self.positions, self.table.mean, self.table.error, strict=True):
            for first, mean, error in zip(self.positions, means, errors, strict=True):
                yield {
                    "quantity": self.quantity,
                    "first direction": first,
                    "second direction": second,
                    "mean": mean,
                    "error": error,
                }

    def _measures(self) -> Iterator[Row]:
        rise = f"rise of the {self.quantity} at distance {self.distance:g}"
        yield {"quantity": rise, "mean": self.rise.mean, "error": self.rise.error}
        if found := self.eigenvalue:
            yield {"quantity": "largest eigenvalue of the Hessian", "mean": found.mean, "error": found.error}
            yield {"quantity": "residual of the eigenvalue", "mean": self.residual}


def _layer_rows(quantity: str, layers: Sequence[str], series: Series) -> Iterator[Row]:
    for layer, mean, error in zip(layers, series.mean, series.error, strict=True):
        yield {"quantity": quantity, "layer": layer, "mean": mean, "error": error}


def head_rows(quantity: str, table: Table) -> Iterator[Row]:
    """Yield one row per head of a table [blocks][heads]."""
    for block, (means, errors) in enumerate(zip(table.mean, table.error, strict=True), start=1):
        for head, (mean, error) in enumerate(zip(means, errors, strict=True), start=1):
            yield {
                "quantity": quantity,
                "layer": f"block {block}",
                "head": head,
                "mean": mean,
                "error": error,
            }
