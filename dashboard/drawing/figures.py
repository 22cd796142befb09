"""Plotly figures with their data. Pure functions: they open no files and compute no models.

The Overview page does not import this module, so that it waits for neither pandas nor Plotly's figures.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass

import numpy as np

# Plotly uses pandas as soon as it is in sys.modules, and fails while another visitor's page is still
# importing it ("partially initialized module"). This import waits until pandas is complete.
import pandas  # noqa: F401
import plotly.graph_objects as go

from dashboard.drawing.csv_rows import Rows, matrix_rows, point_rows, table
from vitcore import numbers

COLORSCALE = "Cividis"  # of all attention maps, as in the tutorial
PLAIN = {"displayModeBar": False, "scrollZoom": False}  # over a surface, too, the wheel scrolls the page


@dataclass(frozen=True)
class Figure:
    """A Plotly figure, and its data as the rows of a CSV file."""

    plot: go.Figure
    rows: Rows


def apply_layout(plot: go.Figure, height: int | None, **margin: int) -> go.Figure:
    """Give a figure its height, a transparent background and the font of the pages. Return the same figure.

    `margin` may set l, r, t and b in pixels; the others are 0.
    """
    edges = {"l": 0, "r": 0, "t": 0, "b": 0} | margin
    plot.update_layout(
        height=height,
        margin=edges,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "Inter, sans-serif", "size": 13},
        showlegend=False,
    )
    return plot


def logit_lens(values: np.ndarray, classes: tuple[str, ...], truth: int | None, top: int = 6) -> Figure:
    """Draw the probabilities of the `top` classes after each layer. values [layers + 1, classes]

    Colors and decimals fit the largest one: of 1,000 classes, it can be below a percent.
    """
    order = np.argsort(values.max(axis=0) + values[-1])[::-1][:top]
    order = order[np.argsort(values[-1, order])]
    shares = 100 * values[:, order].T  # [top, layers + 1]
    end = 100 * numbers.scale_end(float(values[:, order].max()))
    digits = max(0, 1 - math.floor(math.log10(end / 2)))
    layers = len(values) - 1
    x = ["input", *(str(n + 1) for n in range(layers))]
    name = "read after each layer"
    colors = f", colors up to {end:.2g} %" if end < 100 else ""
    plot = go.Figure(
        go.Heatmap(
            z=shares,
            x=x,
            y=_marked(classes, order, truth),
            colorscale=COLORSCALE,
            zmin=0,
            zmax=end,
            texttemplate=f"%{{z:.{digits}f}}" if layers <= 16 else "",
            xgap=2,
            ygap=2,
            showscale=False,
            name=name,
            hovertemplate=f"%{{y}} after layer %{{x}}: %{{z:.{digits + 1}f}} %<extra></extra>",
        )
    )
    plot.update_xaxes(
        type="category",
        title={"text": f"layer; probability in %{colors}", "font": {"size": 13}},
        fixedrange=True,
    )
    plot.update_yaxes(showgrid=False, fixedrange=True, automargin=True)
    rows = matrix_rows([name], x, [classes[i] for i in order], shares)
    return Figure(
        apply_layout(plot, 34 * len(order) + 56, b=50),
        table(["series", "layer", "class", "probability, %"], rows),
    )


def probabilities(
    values: np.ndarray, classes: tuple[str, ...], truth: int | None, color: str, top: int = 5
) -> Figure:
    """Draw the `top` most likely classes as bars, the true one in bold. values [classes]"""
    order = np.argsort(values)[::-1][:top][::-1]
    name = "predicted class"
    plot = go.Figure(
        go.Bar(
            x=values[order],
            y=_marked(classes, order, truth),
            name=name,
            orientation="h",
            marker={"color": color},
            text=[numbers.percent(float(values[i]), 1) for i in order],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    plot.update_xaxes(visible=False, range=[0, 1.6], fixedrange=True)
    plot.update_yaxes(showgrid=False, fixedrange=True, automargin=True)
    rows = point_rows([name], values[order], [classes[i] for i in order])
    return Figure(
        apply_layout(plot, 30 * len(order) + 8),
        table(["series", "probability", "class"], rows),
    )


def _marked(classes: tuple[str, ...], order: np.ndarray, truth: int | None) -> list[str]:
    """Return the names of the classes in `order` for Plotly, with the true one marked."""
    names = {i: html.escape(classes[i]) for i in order}
    return [f"<b>{name}</b> (true)" if i == truth else name for i, name in names.items()]


def in_percent(share: float | None) -> float | None:
    """Return a share in percent, or None if it is unknown."""
    return None if share is None else 100 * share
