"""The Plotly figure of the time to an accuracy. Pure functions: they open no files and compute no models."""

from __future__ import annotations

import html
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboard.drawing.csv_rows import point_rows, table
from dashboard.drawing.figures import Figure, apply_layout


@dataclass(frozen=True)
class Path:
    """The course of a training along an axis. `name` is escaped for HTML."""

    name: str
    color: str
    reached: float | None  # where it reached the target; None if it did not
    end: float
    words: str  # the text after its bar


def reach(paths: list[Path], unit: str) -> Figure:
    """Draw a bar for each training: when it reached the target, and when it ended."""
    names = [path.name for path in paths]
    figure = go.Figure()
    figure.add_trace(
        go.Bar(
            x=[path.end for path in paths],
            y=names,
            name="trained until",
            showlegend=False,
            orientation="h",
            width=0.55,
            marker={"color": [path.color for path in paths], "opacity": 0.25},
            text=[path.words for path in paths],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: trained until %{x:,.4~r}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Bar(
            x=[path.reached for path in paths],  # None draws no bar
            y=names,
            name="reached at",
            showlegend=False,
            orientation="h",
            width=0.55,
            marker={"color": [path.color for path in paths]},
            hovertemplate="%{y}: reached at %{x:,.4~r}<extra></extra>",
        )
    )
    top = max(path.end for path in paths) or 1.0
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(title=unit, fixedrange=True, range=[0, 1.32 * top], separatethousands=True)
    figure.update_yaxes(
        autorange="reversed", fixedrange=True, showgrid=False, automargin=False, type="category"
    )
    # automargin cuts the first letter when a talk enlarges the figure
    left = 14 + round(7.2 * max(len(path.name) for path in paths))
    plain = [html.unescape(name) for name in names]
    rows = [
        *point_rows(["trained until"], [path.end for path in paths], plain),
        *point_rows(["reached at"], [path.reached for path in paths], plain),
    ]
    return Figure(
        apply_layout(figure, 44 * len(paths) + 70, b=46, l=left), table(["series", unit, "run"], rows)
    )
