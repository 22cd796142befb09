"""A Plotly figure of receptive fields, with a row of maps for each model. Pure functions."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.drawing.csv_rows import matrix_rows, table
from dashboard.drawing.figures import COLORSCALE, Figure, apply_layout
from dashboard.inductive_bias.lines import Line
from vitcore.probes.shapes import Maps

GAP = 2  # pixels between the maps of two layers
ACROSS = 240  # width of a row in the units of the axes; the lengths below have the same unit
TITLE, APART = 5.5, 2.5  # height of the titles above a row, and of the gap before them
STRIP, UNDER = (90.0, 3.0), 5.5  # width and height of the color bar, and height of the numbers below it
NAME = 12  # characters of a line of a model's name, which is as long as a map is high
POWERS = 4  # powers of ten between the darkest and the brightest color
UNIT_PX, HIGHEST_PX = 4.9, 460  # pixels per unit, and maximum height in pixels, in a window 1280 pixels wide
CHANGE = "log10 of the change, as a share of the largest"


def fields(lines: list[Line[Maps]], top: float) -> Figure:
    """Draw the receptive fields of every layer, a row for each model, with a frame at the theoretical bound.
    `top` is the largest value of the color scale, whose bar is below the maps.

    All maps share one pair of axes, because axes take most of Plotly's time, and because the rows then keep
    their distance at any size of the figure.
    """
    figure, y = go.Figure(), 0.0
    for line in lines:
        y += TITLE + (APART if y else 0)
        high = _row_of_fields(figure, line, top, y, _names(line, lines))
        name = "<br>".join(html.escape(part) for part in textwrap.wrap(line.label, NAME))
        figure.add_annotation(
            text=f"<b>{name}</b>",
            textangle=-90,
            x=0,
            xref="paper",
            xanchor="right",
            xshift=-6,
            y=y + high / 2,
            yanchor="middle",
            showarrow=False,
            font={"size": 14},
        )
        y += high
    y = _color_bar(figure, top, y + 2 * APART, lines[0].values.unit)
    hidden = {"visible": False, "fixedrange": True, "constrain": "domain"}
    figure.update_xaxes(range=[-0.5, ACROSS + 0.5], constraintoward="left", **hidden)
    figure.update_yaxes(range=[y, 0], scaleanchor="x", constraintoward="top", **hidden)
    rows = (row for line in lines for row in _csv_rows(line, top, _names(line, lines)))
    return Figure(
        apply_layout(figure, min(HIGHEST_PX, round(y * UNIT_PX)), l=46),
        table(["series", "column", "row", CHANGE], rows),
    )


def _names(line: Line[Maps], lines: list[Line[Maps]]) -> list[str]:
    """Return the names of the maps of a model: the layers, with its label if there are several models."""
    prefix = f"{line.label}: " if len(lines) > 1 else ""
    return [prefix + layer for layer in line.values.layers]


def _logarithms(line: Line[Maps], top: float) -> np.ndarray:
    """Return log10 of the maps relative to `top`, at least -POWERS. [layers, S, S]"""
    return np.log10(np.clip(line.values.maps, top * 10.0**-POWERS, top) / top)


def _csv_rows(line: Line[Maps], top: float, names: list[str]) -> Iterator[list[Any]]:
    for name, values in zip(names, _logarithms(line, top), strict=True):
        positions = range(1, len(values) + 1)
        yield from matrix_rows([name], positions, positions, values)


def _row_of_fields(figure: go.Figure, line: Line[Maps], top: float, y: float, names: list[str]) -> float:
    """Draw the maps of one model from `y` downward and return their height."""
    maps = np.array(line.values.maps)  # [layers, S, S]
    logarithms = _logarithms(line, top)
    size = maps.shape[-1]
    step = ACROSS / (len(maps) * (size + GAP) - GAP)  # width of one pixel
    for index, (name, layer) in enumerate(zip(names, line.values.layers, strict=True)):
        x = index * (size + GAP) * step
        figure.add_heatmap(
            z=logarithms[index],
            zmin=-POWERS,
            zmax=0,
            x0=x + step / 2,
            dx=step,
            y0=y + step / 2,
            dy=step,
            name=html.escape(name),
            colorscale=COLORSCALE,
            showscale=False,
            customdata=(100 * maps[index]).astype(np.float32),
            hovertemplate=f"{html.escape(name)}, %{{customdata:.2g}} % {line.values.hover}<extra></extra>",
        )
        figure.add_annotation(
            text=layer,
            x=x + size * step / 2,
            y=y - 0.5,
            yanchor="bottom",
            showarrow=False,
            font={"size": 12},
        )
        box = line.values.bounds[index] if line.values.bounds else None
        if box:
            upper, first, lower, last = box
            edges = dict(
                x0=x + max(first, 0) * step,
                x1=x + (min(last, size - 1) + 1) * step,
                y0=y + max(upper, 0) * step,
                y1=y + (min(lower, size - 1) + 1) * step,
            )
            figure.add_shape(type="rect", **edges, line={"color": line.color, "width": 2})
    return size * step


def _color_bar(figure: go.Figure, top: float, y: float, unit: str) -> float:
    """Draw the color bar of `fields` from `y` downward and return the y of its end. The position of Plotly's
    own color bar does not follow the maps.
    """
    (wide, high), parts = STRIP, 64
    figure.add_heatmap(
        z=np.linspace(-POWERS, 0, parts)[None],
        zmin=-POWERS,
        zmax=0,
        x0=wide / parts / 2,
        dx=wide / parts,
        y0=y + high / 2,
        dy=high,
        colorscale=COLORSCALE,
        showscale=False,
        hoverinfo="skip",
    )
    text_style = {"showarrow": False, "font": {"size": 13}}
    for share, anchor in ((0.0, "left"), (0.5, "center"), (1.0, "right")):
        least = "\u2264 " if share == 0 else ""
        figure.add_annotation(
            text=f"{least}{100 * top * 10 ** (POWERS * (share - 1)):.2g} %",
            x=share * wide,
            xanchor=anchor,
            y=y + high,
            yanchor="top",
            **text_style,
        )
    figure.add_annotation(
        text=unit,
        x=wide + 2,
        xanchor="left",
        y=y + high / 2,
        yanchor="middle",
        **text_style,
    )
    return y + high + UNDER
