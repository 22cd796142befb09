"""Plotly figures of the inductive-bias experiments with bars. Pure functions.

Error bars are standard errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from plotly.subplots import make_subplots

from dashboard.drawing.csv_rows import ERROR, point_rows, table
from dashboard.drawing.figures import Figure, apply_layout
from dashboard.inductive_bias.figures import FILES, PANEL, clear, panel_per_model, with_legend
from dashboard.inductive_bias.lines import Line
from vitcore.probes.estimates import Estimate
from vitcore.probes.shapes import Bars, Changes

ERROR_BAR = {"type": "data", "thickness": 1.4, "color": "#888888"}


def bars(lines: Sequence[Line[Bars]]) -> Figure:
    """Draw the panels of the shape side by side, in percent. Bars of untrained models are outlines."""
    titles = list(lines[0].values.panels)
    figure = make_subplots(1, len(titles), subplot_titles=titles, horizontal_spacing=0.07)
    rows: list[list[Any]] = []
    for column, title in enumerate(titles, start=1):
        for line in lines:
            found = line.values.panels[title]
            mean, error = (100 * np.array(part, float) for part in _columns(found))
            rows.extend(point_rows([title, line.label], list(found), mean, error))
            figure.add_bar(
                name=line.shown,
                x=list(found),
                y=mean,
                error_y={**ERROR_BAR, "array": error},
                marker={
                    "color": line.color if line.trained else clear(line.color),
                    "line": {"color": line.color, "width": 1.5},
                },
                text=[f"{m:.3g} % ± {e:.2g}" for m, e in zip(mean, error, strict=True)],
                textposition="none",
                hovertemplate=f"{line.shown}: %{{text}}<extra></extra>",
                row=1,
                col=column,
            )
    for note in figure.layout.annotations:
        note.font.size = 14
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True, range=[0, 102])
    percent = {"text": "%", "font": {"size": 13}}
    figure.update_yaxes(title=percent, row=1, col=1)
    figure.update_layout(barmode="group", bargap=0.25)
    return Figure(
        with_legend(apply_layout(figure, PANEL + 50, l=46, r=8, t=62, b=44)),
        table(["panel", "series", "of", "%", ERROR], rows),
    )


def _columns(found: dict[str, Estimate]) -> tuple[list[float], list[float]]:
    return [bar.mean for bar in found.values()], [bar.error for bar in found.values()]


def blocks(lines: Sequence[Line[Changes]]) -> Figure:
    """Draw the change without each block, in percentage points, with standard errors."""
    figure = panel_per_model(lines)
    rows: list[list[Any]] = []
    for column, line in enumerate(lines, start=1):
        series = line.values.without_block
        mean, error = 100 * np.array(series.mean), 100 * np.array(series.error)
        x = [name.removeprefix("block ") for name in line.values.blocks]
        rows.extend(point_rows([line.label, line.label], x, mean, error))
        figure.add_bar(
            x=x,
            y=mean,
            marker={"color": line.color},
            error_y={**ERROR_BAR, "array": error},
            customdata=error,
            hovertemplate="without block %{x}: %{y:+.1f} ± %{customdata:.1f} points<extra></extra>",
            row=1,
            col=column,
        )
    figure.update_xaxes(
        fixedrange=True, type="category", title={"text": "without block", "font": {"size": 13}}
    )
    figure.update_yaxes(fixedrange=True)
    title = f"points of {lines[0].values.quantity}"
    figure.update_yaxes(title={"text": title, "font": {"size": 13}}, row=1, col=1)
    return Figure(
        apply_layout(figure, PANEL + FILES, l=52, t=30, b=60 + FILES),
        table(["panel", "series", "without block", title, ERROR], rows),
    )
