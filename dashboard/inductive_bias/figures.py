"""Plotly figures of the inductive-bias experiments: one function per shape of values. Pure functions.

`shape_figures` maps shapes to these functions. Error bars are standard errors.
"""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from dashboard.drawing.csv_rows import ERROR, point_rows, table
from dashboard.drawing.figures import Figure, apply_layout
from dashboard.inductive_bias.lines import Line
from dashboard.inductive_bias.spelling import spelled
from vitcore.probes import View
from vitcore.probes.estimates import Series
from vitcore.probes.shapes import Curves, LayersAndHeads, LayerSeries, Panel

PANEL = 300  # height in pixels
FILES = 24  # pixels below a figure for the download buttons, which would cover it
AXIS_WIDTH = 36  # characters of a line of a vertical title; longer ones would be cut off
DEPTH = "depth, from the first layer (0) to the last (1)"
GRAY = {"dash": "dot", "width": 1, "color": "#888888"}  # of reference lines


def axis(figure: go.Figure, x: str, y: str, **position: Any) -> None:
    """Give a panel the titles of its axes, and no zoom."""
    size = {"size": 13}
    y = "<br>".join(textwrap.wrap(y, AXIS_WIDTH))
    figure.update_xaxes(title={"text": x, "font": size}, fixedrange=True, zeroline=False, **position)
    figure.update_yaxes(title={"text": y, "font": size}, fixedrange=True, zeroline=False, **position)


def draw_line(
    figure: go.Figure,
    line: Line,
    x: Sequence[float | str],
    mean: ArrayLike,
    error: ArrayLike,
    *,
    column: int = 1,
    unit: str = "",
    name: str = "",
    lowest: float = -math.inf,
) -> None:
    """Draw a curve with a band of one standard error in the panel `column`, counted from 1.

    `name` replaces the model's name in the legend. It is escaped for HTML. The band ends at `lowest`.
    """
    name = name or line.shown
    mean, error = np.array(mean, float), np.array(error, float)
    fill_between(figure, line, x, np.maximum(mean - error, lowest), mean + error, column)
    texts = [f"{m:.3g}{unit} ± {e:.2g}" for m, e in zip(mean, error, strict=True)]
    figure.add_scatter(
        x=x,
        y=mean,
        mode="lines+markers",
        name=name,
        text=texts,
        row=1,
        col=column,
        line={"color": line.color, "dash": line.dash, "width": 2.5},
        marker={"size": 6},
        hovertemplate=f"{name}: %{{text}}<extra></extra>",
    )


def panel_per_model(lines: Sequence[Line]) -> go.Figure:
    """Return an empty figure with a panel for each model, side by side, which share the y axis."""
    return make_subplots(
        1,
        len(lines),
        subplot_titles=[line.shown for line in lines],
        shared_yaxes=True,
        horizontal_spacing=0.04,
    )


def fill_between(
    figure: go.Figure, line: Line, x: Sequence[float | str], low: ArrayLike, high: ArrayLike, column: int
) -> None:
    """Fill the area between two curves in the panel `column`, in the color of a model."""
    figure.add_scatter(
        x=[*x, *x[::-1]],
        y=[*np.asarray(high), *np.asarray(low)[::-1]],
        fill="toself",
        mode="lines",
        fillcolor=clear(line.color),
        line={"width": 0},
        hoverinfo="skip",
        row=1,
        col=column,
    )


def clear(color: str) -> str:
    """Return a color "#rrggbb" that is mostly transparent."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.28)"


def curves(lines: list[Line[Curves]], chance: float | None, view: View | None = None) -> Figure:
    """Draw the panels of the shape side by side, in percent."""
    first = lines[0].values
    panels = [Panel(panel.curve.format_map(vars(view or View())), panel.title) for panel in first.panels]
    figure = make_subplots(
        1, len(panels), subplot_titles=[panel.title for panel in panels], horizontal_spacing=0.07
    )
    kinds = {panel.curve.partition(",")[0] for panel in panels}
    measure = f"{kinds.pop()}, %" if len(kinds) == 1 else "%"
    rows: list[list[Any]] = []
    for column, panel in enumerate(panels, start=1):
        for line in lines:
            curve = line.values.curves.get(panel.curve)
            if curve is None:
                continue
            mean, error = (100 * np.array(part, float) for part in (curve.mean, curve.error))
            x = [str(value) for value in line.values.x] if first.even else list(line.values.x)
            draw_line(figure, line, x, mean, error, column=column, unit=" %")
            rows.extend(point_rows([panel.title, line.label], x, mean, error))
            if first.even:
                figure.update_xaxes(type="category", dtick=1, row=1, col=column)
        axis(figure, first.quantity, measure if column == 1 else "", row=1, col=column)
        scale: dict[str, Any] = {"range": [0, 102]} if first.whole else {"rangemode": "tozero"}
        figure.update_yaxes(**scale, row=1, col=column)
        if chance and panel.curve.startswith("accuracy"):
            domain, y = f"{axis_id('x', column)} domain", {"yref": axis_id("y", column)}
            figure.add_shape(
                type="line", x0=0, x1=1, xref=domain, y0=100 * chance, y1=100 * chance, line=GRAY, **y
            )
            figure.add_annotation(
                x=1,
                xref=domain,
                y=100 * chance,
                text="chance",
                showarrow=False,
                xanchor="right",
                yanchor="top",
                font={"size": 12, "color": "#888888"},
                **y,
            )
    for column, title in enumerate(figure.layout.annotations[: len(panels)], start=1):
        title.update(x=0, xref=f"{axis_id('x', column)} domain", xanchor="left", font={"size": 14})
    return Figure(
        with_legend(apply_layout(figure, PANEL + 50, l=46, r=8, t=62, b=44)),
        table(["panel", "series", first.quantity, measure, ERROR], rows),
    )


def axis_id(letter: str, panel: int) -> str:
    """Return Plotly's name of an axis: x, x2, x3."""
    return letter if panel == 1 else f"{letter}{panel}"


def with_legend(figure: go.Figure) -> go.Figure:
    """Show a legend that names each series once."""
    seen: set[str] = set()
    traces: Any = figure.data
    for trace in traces:
        trace.showlegend = bool(trace.name) and trace.name not in seen
        seen.add(trace.name or "")
    figure.update_layout(
        showlegend=True,
        legend={
            "orientation": "h",
            "yref": "container",
            "y": 1,
            "yanchor": "top",
            "x": 0,
            "font": {"size": 13},
        },
        hovermode="x unified",
    )
    return figure


def depth(lines: Sequence[Line[LayerSeries]]) -> Figure:
    """Draw one value per layer against relative depth, from 0 for the first layer to 1 for the last."""
    columns = ["series", DEPTH, lines[0].values.axis, ERROR]
    return Figure(_layer_curves(lines), table(columns, _layer_rows(lines)))


def _layer_curves(lines: Sequence[Line[LayerSeries]]) -> go.Figure:
    figure = make_subplots(1, 1)
    for line in lines:
        series, depths, name = line.values.series, _depths(line.values.series), _layer_name(line)
        for start, end in line.values.stages:  # no line across a change of the map size
            part = slice(start, end)
            draw_line(
                figure, line, depths[part], series.mean[part], series.error[part], name=html.escape(name)
            )
    axis(figure, DEPTH, lines[0].values.axis)
    lines_of_title = len(textwrap.wrap(lines[0].values.axis, AXIS_WIDTH))
    return with_legend(apply_layout(figure, PANEL + 40, l=40 + 18 * lines_of_title, r=8, t=30, b=44))


def _layer_rows(lines: Sequence[Line[LayerSeries]]) -> Iterator[list[Any]]:
    for line in lines:
        series = line.values.series
        yield from point_rows([_layer_name(line)], _depths(series), series.mean, series.error)


def _layer_name(line: Line[LayerSeries]) -> str:
    """Return the name of a model's line: with what it shows, if the figure also has points."""
    kind = line.values.line if isinstance(line.values, LayersAndHeads) else ""
    return f"{line.label}: {kind}" if kind else line.label


def _depths(series: Series) -> list[float]:
    """Return the relative depth of each layer."""
    count = len(series.mean)
    return [i / max(1, count - 1) for i in range(count)]


def distances(lines: list[Line[LayersAndHeads]]) -> Figure:
    """Draw the values of all heads (dots) and of all layers (lines) against depth, in pixels."""
    figure, rows = _layer_curves(lines), [*_layer_rows(lines)]
    for line in lines:
        first = next(iter(line.values.heads.values()), None)
        if first is None:
            continue
        heads, error = np.array(first.mean), np.array(first.error)  # [layers, H]
        layers = len(heads)
        x = np.repeat([(i + 1) / layers for i in range(layers)], heads.shape[1])  # depth 0 is the embedding
        name = f"{line.label}: {line.values.points}"
        rows.extend(point_rows([name], x, heads.ravel(), error.ravel()))
        texts = [
            f"block {i + 1}, head {h + 1}: {heads[i, h]:.1f} ± {error[i, h]:.1f} px"
            for i in range(layers)
            for h in range(heads.shape[1])
        ]
        figure.add_scatter(
            x=x,
            y=heads.ravel(),
            mode="markers",
            text=texts,
            name=html.escape(name),
            marker={
                "color": line.color,
                "size": 9,
                "opacity": 0.65,
                "symbol": "circle" if line.trained else "circle-open",
            },
            hovertemplate="%{text}<extra></extra>",
        )
    with_references = next((line.values for line in lines if line.values.references), None)
    if with_references:
        _reference_lines(figure, with_references)
    figure.update_layout(hovermode="closest", height=PANEL + 160)
    return Figure(figure, table(["series", DEPTH, lines[0].values.axis, ERROR], rows))


def _reference_lines(figure: go.Figure, shape: LayersAndHeads) -> None:
    """Draw horizontal lines, with their names to the right of the plot, where they cover nothing."""
    values = shape.references.values()
    near = len(values) > 1 and max(values) - min(values) < 2  # centered names would overlap
    for name, value in shape.references.items():
        figure.add_hline(value, line=GRAY)
        upper = "bottom" if value == max(values) else "top"
        figure.add_annotation(
            x=1,
            xref="paper",
            xshift=6,
            xanchor="left",
            align="left",
            y=value,
            showarrow=False,
            yanchor=upper if near else "middle",
            font={"size": 12},
            text=f"{spelled(name)}<br>{shape.reference_kind}",
        )
    figure.update_layout(margin={"r": 122})
