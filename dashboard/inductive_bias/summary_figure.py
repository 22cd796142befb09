"""The figure that sums up Inductive bias: a row for each model, a panel for each measurement."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.drawing.csv_rows import ERROR, table
from dashboard.drawing.figures import Figure, apply_layout
from dashboard.drawing.theme import OTHER
from dashboard.inductive_bias.lines import Drawn

ROW = 42  # pixels
SHIFT = 4  # pixels
WHOLE = 112  # percent of the largest value: the end of an axis, with room for a number next to its dot
TOLD, LEARNED = "told what is near ↑", "learns what is near ↓"  # the first and the last rows
GUIDE = "rgba(128,128,128,0.2)"  # the lines of the rows, faint because numbers are on them
GAP = "not measured"  # in place of a point
HOVER_WIDTH = 44  # characters a line of the reason for a gap
TITLE_WIDTH = 20  # characters a line, so that titles fit next to each other on a tablet


@dataclass(frozen=True)
class Point:
    """A mean and its standard error, in the unit of its panel."""

    mean: float
    error: float | None = None
    source: str = ""  # the run or the sweep that was measured


@dataclass(frozen=True)
class Quantity:
    """A panel."""

    name: str  # of the experiment
    title: str
    short: str  # in sentences
    unit: str  # pixels or %
    digits: int


QUANTITIES = (
    Quantity("distance", "reach of the first block", "Reach", "pixels", 1),
    Quantity("shift", f"unchanged by a shift of {SHIFT} pixels", "Shift", "%", 0),
    Quantity("sample-efficiency", "accuracy with {share} of the images", "Sample efficiency", "%", 0),
)


@dataclass(frozen=True)
class Row:
    """A model with its points by experiment, trained and with random weights."""

    label: str
    color: str
    trained: dict[str, Point] = field(default_factory=dict)
    untrained: dict[str, Point] = field(default_factory=dict)
    model: str = ""  # architecture
    local: bool = False  # a variant that is told what is near, such as by convolutions in front
    gaps: dict[str, str] = field(default_factory=dict)  # why an experiment has no point

    @property
    def name(self) -> str:
        """The label as Plotly draws it."""
        return drawn_name(self.label)


def drawn_name(label: str) -> str:
    """Return the label of a row as Plotly draws it."""
    return html.escape(label)


def ordered(rows: Sequence[Row]) -> list[Row]:
    """Return the rows from the most local architecture to the one that reads from farthest.

    The order is that of the reach before the training, which only the architecture determines, or else of
    the reach after it. Variants are next to the plain model of their architecture, whose reach counts: those
    that are told what is near before it, the others after it. Architectures without a reach come last.

    The reach of a variant itself would mislead. The first block behind a convolutional stem reads farther,
    because the stem has already read what is near.
    """

    def reach(row: Row) -> float | None:
        point = row.untrained.get("distance") or row.trained.get("distance")
        return point.mean if point else None

    of_model: dict[str, float] = {}
    for row in sorted(rows, key=lambda row: row.local):  # the plain ones first
        if row.model and (mean := reach(row)) is not None:
            of_model.setdefault(row.model, mean)

    def key(row: Row) -> tuple[bool, float, bool, bool]:
        mean = of_model.get(row.model, reach(row))
        return mean is None, mean or 0.0, not row.local, reach(row) is None

    return sorted(rows, key=key)


def draw(rows: Sequence[Row], share: str) -> Drawn:
    """Draw the rows in their order from top to bottom. `share` is that of the sample efficiency."""
    titles = [quantity.title.format(share=share) for quantity in QUANTITIES]
    plot = make_subplots(
        rows=1,
        cols=len(QUANTITIES),
        shared_yaxes=True,
        horizontal_spacing=0.055,
        subplot_titles=[f"<b>{'<br>'.join(textwrap.wrap(title, TITLE_WIDTH))}</b>" for title in titles],
    )
    names = [row.name for row in rows]
    data: list[list[Any]] = []
    for column, (quantity, name) in enumerate(zip(QUANTITIES, titles, strict=True), 1):
        means = [p.mean for row in rows for p, _ in _points(row, quantity.name) if p]
        most = 100.0 if quantity.unit == "%" else max(means, default=1.0)
        for row in rows:
            both = [(p, state) for p, state in _points(row, quantity.name) if p]
            if len(both) == 2:
                ends = [point.mean for point, _ in both]
                line = {"color": row.color, "width": 2}
                plot.add_scatter(
                    x=ends, y=[row.name] * 2, mode="lines", line=line, opacity=0.5, hoverinfo="skip",
                    row=1, col=column,
                )  # fmt: skip
            for point, state in both:
                side = _side(row, quantity.name) if state == "trained" or len(both) == 1 else ""
                _add(plot, row, point, state, side, quantity, column)
                data.append([name, row.label, state, point.mean, point.error])
            if not both and quantity.name in row.gaps:
                _add_gap(plot, row, quantity.name, most / 2, column)
        # the units are in the titles, because on a tablet "100 %" would reach the next panel's "0 %"
        plot.update_xaxes(title={"text": quantity.unit, "font": {"size": 13}}, col=column)
        if quantity.unit == "%":
            plot.update_xaxes(range=[0, WHOLE], tickvals=[0, 50, 100], col=column)
        else:
            plot.update_xaxes(range=[-0.1 * most, WHOLE / 100 * most], zeroline=False, col=column)
    plot.update_xaxes(fixedrange=True)
    plot.update_yaxes(
        categoryorder="array",
        categoryarray=names[::-1],
        range=[-0.6, len(names) - 0.4],
        fixedrange=True,
        automargin=True,
        tickfont={"size": 13},
        gridcolor=GUIDE,
    )
    plot.update_annotations(font={"size": 14})
    _name_ends(plot)
    height = 120 + ROW * len(rows)
    plot = apply_layout(plot, height, l=8, r=12, t=54, b=46)
    return Drawn(
        Figure(plot, table(["panel", "series", "weights", "value", ERROR], data)), _alt(rows, titles)
    )


def _name_ends(plot: go.Figure) -> None:
    """Name the ends of the order of the rows, above and below their names."""
    for text, y, anchor in ((TOLD, 1, "bottom"), (LEARNED, 0, "top")):
        plot.add_annotation(
            text=f"<i>{text}</i>",
            x=0,
            xref="paper",
            xanchor="right",
            xshift=-6,
            y=y,
            yref="y domain",
            yanchor=anchor,
            showarrow=False,
            font={"size": 13},
        )


def _points(row: Row, name: str) -> list[tuple[Point | None, str]]:
    return [(row.untrained.get(name), "untrained"), (row.trained.get(name), "trained")]


def _side(row: Row, name: str) -> str:
    """Return where the number of a model is: next to its dot, and not towards the open one.

    In a talk, the rows are so low that a number above a dot would lie on the row above.
    """
    trained, untrained = row.trained.get(name), row.untrained.get(name)
    return "middle left" if trained and untrained and untrained.mean > trained.mean else "middle right"


def _add(
    plot: go.Figure, row: Row, point: Point, state: str, side: str, quantity: Quantity, column: int
) -> None:
    trained = state == "trained"
    text = f"{point.mean:.{quantity.digits}f}"
    error = f" ± {point.error:.{max(1, quantity.digits)}f}" if point.error is not None else ""
    source = f"<br>{html.escape(point.source)}" if point.source else ""
    plot.add_scatter(
        x=[point.mean],
        y=[row.name],
        # in an open marker, a short bar would look like a letter
        error_x={"array": [point.error or 0.0], "thickness": 1.5, "width": 4, "visible": trained},
        mode="markers+text" if side else "markers",
        text=[f"\u2009{text}\u2009"],  # thin spaces keep it off the end of its bar
        textposition=side or None,
        textfont={"size": 12},
        cliponaxis=False,
        marker={
            "size": 11,
            "opacity": 1,
            "color": row.color,
            "symbol": "circle" if trained else "circle-open",
            "line": {"width": 2, "color": row.color},
        },
        name=f"{row.name}, {state}",
        hovertemplate=f"<b>{row.name}</b>, {state}<br>{text}{error} {quantity.unit}{source}<extra></extra>",
        row=1,
        col=column,
    )


def _add_gap(plot: go.Figure, row: Row, name: str, x: float, column: int) -> None:
    """Write that a point is missing. The pointer on it says why."""
    why = "<br>".join(map(html.escape, textwrap.wrap(row.gaps[name], HOVER_WIDTH)))
    plot.add_scatter(
        x=[x],
        y=[row.name],
        mode="text",
        text=[GAP],
        textfont={"size": 12, "color": OTHER},
        name=f"{row.name}, {GAP}",
        hovertemplate=f"<b>{row.name}</b>, {GAP}<br>{why}<extra></extra>",
        row=1,
        col=column,
    )


def _alt(rows: Sequence[Row], titles: Sequence[str]) -> str:
    """Describe the values of the trained models."""
    parts = []
    for quantity, title in zip(QUANTITIES, titles, strict=True):
        values = [
            f"{row.label} {point.mean:.{quantity.digits}f} {quantity.unit}"
            for row in rows
            if (point := row.trained.get(quantity.name))
        ]
        parts.append(f"{title}: {', '.join(values) or 'nothing measured'}")
    return "; ".join(parts)
