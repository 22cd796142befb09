"""A Plotly figure of the spread of many values in each layer, with a panel for each model. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.drawing.csv_rows import ERROR, point_rows, table
from dashboard.drawing.figures import Figure, apply_layout
from dashboard.inductive_bias.figures import FILES, GRAY, PANEL, axis_id, fill_between, panel_per_model
from dashboard.inductive_bias.lines import Line
from vitcore.probes.shapes import Spreads

LOWEST = 0.1  # at which smaller values are drawn, because the axis is logarithmic
TICKS = [step * 10.0**power for power in range(-1, 5) for step in (1, 2, 5)]
DASHES = ("dash", "dashdot")


def spreads(lines: Sequence[Line[Spreads]]) -> Figure:
    """Draw the largest value as a line with standard errors, the other quantiles as bands."""
    figure = panel_per_model(lines)
    rows: list[list[Any]] = []
    quantity = lines[0].values.quantity
    for column, line in enumerate(lines, start=1):
        shape, found = line.values, line.values.columns()
        names, x = shape.names, [name.removeprefix("block ") for name in shape.layers]
        for low, high in ((names[0], names[-2]), (names[1], names[-3])):
            bottom, top = (np.maximum(found[name].mean, LOWEST) for name in (low, high))
            fill_between(figure, line, x, bottom, top, column)
        drawn = {names[-1]: "solid", **dict(zip(shape.others, DASHES, strict=False))}
        for name, dash in drawn.items():
            _curve(figure, line, x, name, dash, column)
        figure.add_shape(
            type="line",
            x0=0,
            x1=1,
            xref=f"{axis_id('x', column)} domain",
            y0=shape.reference,
            y1=shape.reference,
            yref=axis_id("y", column),
            line=GRAY,
        )
        for name, values in found.items():
            rows.extend(point_rows([line.label, name], shape.layers, values.mean, values.error))
    small = {"size": 13}
    figure.update_xaxes(fixedrange=True, type="category", title={"text": "after block", "font": small})
    figure.update_yaxes(fixedrange=True, type="log", tickvals=TICKS, ticktext=[f"{tick:g}" for tick in TICKS])
    figure.update_yaxes(title={"text": quantity, "font": small}, row=1, col=1)
    figure.update_layout(hovermode="x unified")
    return Figure(
        apply_layout(figure, PANEL + FILES, l=52, t=30, b=60 + FILES),
        table(["panel", "series", "layer", quantity, ERROR], rows),
    )


def _curve(figure: go.Figure, line: Line[Spreads], x: list[str], name: str, dash: str, column: int) -> None:
    values = line.values.columns()[name]
    mean, error = np.array(values.mean, float), np.array(values.error, float)
    figure.add_scatter(
        x=x,
        y=np.maximum(mean, LOWEST),
        error_y={"type": "data", "array": error, "thickness": 1.4},
        mode="lines+markers",
        name=name,
        line={"color": line.color, "dash": dash, "width": 2.5},
        marker={"size": 6},
        text=[f"{m:.3g} ± {e:.2g}" for m, e in zip(mean, error, strict=True)],
        hovertemplate=f"{name}: %{{text}}<extra></extra>",
        row=1,
        col=column,
    )
