"""The maps of receptive fields, a row per model. Pure functions."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dashboard.drawing.figures import COLORSCALE, _bare, _settle_pandas
from dashboard.inductive_bias.lines import Line
from vitcore.probes.shapes import Maps

GAP = 2  # pixels between the maps of two layers
ACROSS = 240  # of `fields`: what a row is wide; all below is in this unit
TITLE, APART = 5.5, 2.5  # room for the words above a row, and between that and what is before it
STRIP, UNDER = (90.0, 3.0), 5.5  # the color bar, and room for the numbers below it
POWERS = 4  # of ten, from the brightest color to the darkest
UNIT_PX, HIGHEST_PX = 4.9, 460  # on a page in a window of 1280


def fields(lines: list[Line[Maps]], top: float) -> go.Figure:
    """The receptive fields of every layer, a row for each model, in one color scale with its bar below; the
    theoretical bound as a frame. All share one pair of axes: Plotly takes most of its time for axes, and so
    the rows stand close, however high and wide the figure is made.
    """
    _settle_pandas()
    figure, y = go.Figure(), 0.0
    for line in lines:
        y += TITLE + (APART if y else 0)
        high = _row_of_fields(figure, line, top, y, f"{line.label}: " if len(lines) > 1 else "")
        figure.add_annotation(
            text=f"<b>{line.label}</b>", textangle=-90, x=0, xref="paper", xanchor="right", xshift=-6,
            y=y + high / 2, yanchor="middle", showarrow=False, font={"size": 14},
        )  # fmt: skip
        y += high
    y = _color_bar(figure, top, y + 2 * APART, lines[0].values.unit)
    hidden = {"visible": False, "fixedrange": True, "constrain": "domain"}
    figure.update_xaxes(range=[-0.5, ACROSS + 0.5], constraintoward="left", **hidden)
    figure.update_yaxes(range=[y, 0], scaleanchor="x", constraintoward="top", **hidden)
    return _bare(figure, min(HIGHEST_PX, round(y * UNIT_PX)), l=30)


def _row_of_fields(figure: go.Figure, line: Line[Maps], top: float, y: float, prefix: str) -> float:
    """The maps of one model from `y` downwards; how high they are."""
    names, maps = line.values.layers, np.array(line.values.maps)  # [layers, S, S]
    size = maps.shape[-1]
    step = ACROSS / (len(maps) * (size + GAP) - GAP)  # a pixel
    for at, values in enumerate(maps):
        x = at * (size + GAP) * step
        figure.add_heatmap(
            z=np.log10(np.clip(values, top * 10.0**-POWERS, top) / top), zmin=-POWERS, zmax=0,
            x0=x + step / 2, dx=step, y0=y + step / 2, dy=step, name=prefix + names[at],
            colorscale=COLORSCALE, showscale=False, customdata=(100 * values).astype(np.float32),
            meta={"value": "log10 of the change, as a share of the largest"},
            hovertemplate=f"{prefix}{names[at]}, %{{customdata:.2g}} % {line.values.hover}<extra></extra>",
        )  # fmt: skip
        figure.add_annotation(
            text=names[at], x=x + size * step / 2, y=y - 0.5, yanchor="bottom", showarrow=False,
            font={"size": 12},
        )  # fmt: skip
        box = line.values.bounds[at] if line.values.bounds else None
        if box:
            upper, first, lower, last = box
            edges = dict(x0=x + max(first, 0) * step, x1=x + (min(last, size - 1) + 1) * step,
                         y0=y + max(upper, 0) * step, y1=y + (min(lower, size - 1) + 1) * step)  # fmt: skip
            figure.add_shape(type="rect", **edges, line={"color": line.color, "width": 2})
    return size * step


def _color_bar(figure: go.Figure, top: float, y: float, unit: str) -> float:
    """What the colors of `fields` mean, from `y` downwards; where it ends. Plotly's own bar knows nothing
    of where the maps end.
    """
    (wide, high), parts = STRIP, 64
    figure.add_heatmap(
        z=np.linspace(-POWERS, 0, parts)[None], zmin=-POWERS, zmax=0, x0=wide / parts / 2, dx=wide / parts,
        y0=y + high / 2, dy=high, colorscale=COLORSCALE, showscale=False, hoverinfo="skip",
        meta={"again": True},
    )  # fmt: skip
    words = {"showarrow": False, "font": {"size": 13}}
    for share, anchor in ((0.0, "left"), (0.5, "center"), (1.0, "right")):
        least = "\u2264 " if share == 0 else ""
        figure.add_annotation(
            text=f"{least}{100 * top * 10 ** (POWERS * (share - 1)):.2g} %", x=share * wide, xanchor=anchor,
            y=y + high, yanchor="top", **words,
        )  # fmt: skip
    figure.add_annotation(
        text=unit, x=wide + 2, xanchor="left",
        y=y + high / 2, yanchor="middle", **words,
    )  # fmt: skip
    return y + high + UNDER
