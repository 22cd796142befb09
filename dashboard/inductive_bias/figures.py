"""Plotly figures of the inductive-bias experiments, out of stored results. Pure functions.

A line is (label, colour, dash, values of a probe). Error bars are standard errors, as the probes say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.drawing import pictures
from dashboard.drawing.figures import COLOURSCALE, _bare, _settle_pandas

PANEL = 300  # pixels high
FILES = 24  # pixels below a map for PNG, SVG and CSV, which would lie on it


@dataclass(frozen=True)
class Line:
    """One measured model and how it is drawn; `beside`: the other's name where two are measured at once."""

    label: str
    colour: str
    dash: str
    values: dict[str, Any]
    beside: str = ""


def _axis(figure: go.Figure, x: str, y: str, **position: int) -> None:
    size = {"size": 13}
    figure.update_xaxes(title={"text": x, "font": size}, fixedrange=True, zeroline=False, **position)
    figure.update_yaxes(title={"text": y, "font": size}, fixedrange=True, zeroline=False, **position)


def _draw(
    figure: go.Figure,
    line: Line,
    x: list,
    mean: list,
    error: list,
    *,
    at: int = 1,
    unit: str = "",
) -> None:
    """One curve with a band of one standard error, in panel `at`."""
    mean, error = np.array(mean, float), np.array(error, float)
    band = dict(x=[*x, *x[::-1]], y=[*(mean + error), *(mean - error)[::-1]])
    figure.add_scatter(
        **band,
        fill="toself",
        mode="lines",
        fillcolor=_clear(line.colour),
        line={"width": 0},
        hoverinfo="skip",
        row=1,
        col=at,
    )
    words = [f"{m:.3g}{unit} ± {e:.2g}" for m, e in zip(mean, error, strict=True)]
    figure.add_scatter(
        x=x, y=mean, mode="lines+markers", name=line.label, text=words, row=1, col=at,
        customdata=error, meta={"error": True},
        line={"color": line.colour, "dash": line.dash, "width": 2.5}, marker={"size": 6},
        hovertemplate=f"{line.label}: %{{text}}<extra></extra>",
    )  # fmt: skip


def _clear(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.28)"


def curves(lines: list[Line], names: list[tuple[str, str]], chance: float | None) -> go.Figure:
    """Panels side by side, shares in %. `names`: (curve of the probe, title) for each panel."""
    _settle_pandas()
    figure = make_subplots(
        1, len(names), subplot_titles=[title for _, title in names], horizontal_spacing=0.07
    )
    unit = lines[0].values["unit"]
    kinds = {name.partition(",")[0] for name, _ in names}
    measure = f"{kinds.pop()}, %" if len(kinds) == 1 else "%"
    for at, (name, _) in enumerate(names, start=1):
        for line in lines:
            curve = line.values["curves"][name]
            mean, error = (100 * np.array(curve[k], float) for k in ("mean", "error"))
            x = line.values["x"]
            shown = [str(v) for v in x] if unit == "cells a side" else x
            _draw(figure, line, shown, mean, error, at=at, unit=" %")
            if unit == "cells a side":
                figure.update_xaxes(type="category", dtick=1, row=1, col=at)  # 1, 2, 4, 8 equally far apart
        _axis(figure, unit, measure if at == 1 else "", row=1, col=at)
        figure.update_yaxes(range=[0, 102], row=1, col=at)
        if chance and name.startswith("accuracy"):
            figure.add_hline(
                100 * chance, line={"dash": "dot", "width": 1, "color": "#888888"}, row=1, col=at
            )
            figure.add_annotation(
                x=1, xref="x domain" if at == 1 else f"x{at} domain", y=100 * chance,
                yref="y" if at == 1 else f"y{at}", text="chance", showarrow=False, xanchor="right",
                yanchor="top", font={"size": 12, "color": "#888888"},
            )  # fmt: skip
    for at, title in enumerate(figure.layout.annotations[: len(names)], start=1):
        title.update(x=0, xref=f"x{at if at > 1 else ''} domain", xanchor="left", font={"size": 14})
    return _legend(_bare(figure, PANEL + 50, l=46, r=8, t=62, b=44))


def _legend(figure: go.Figure) -> go.Figure:
    seen: set[str] = set()
    for trace in figure.data:
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


def depth(lines: list[Line], quantity: str, title: str) -> go.Figure:
    """A number per layer against relative depth, 0 the first layer and 1 the last."""
    _settle_pandas()
    figure = make_subplots(1, 1)
    for line in lines:
        series = line.values[quantity]
        count = len(series["mean"])
        x = [i / max(1, count - 1) for i in range(count)]
        _draw(figure, line, x, series["mean"], series["error"])
    _axis(figure, "depth, from the first layer (0) to the last (1)", title)
    return _legend(_bare(figure, PANEL + 40, l=56, r=8, t=30, b=44))


def distances(lines: list[Line]) -> go.Figure:
    """Attention distance of every head (dots) and what a CNN's layers read, against depth; pixels."""
    _settle_pandas()
    figure = depth(lines, "reach", "pixels")
    for line in lines:
        if "heads" not in line.values:
            continue
        heads = np.array(line.values["heads"]["mean"])  # [layers, H]
        layers = len(heads)
        x = np.repeat([(i + 1) / layers for i in range(layers)], heads.shape[1])  # depth 0 is the embedding
        error = np.array(line.values["heads"]["error"])
        words = [
            f"block {i + 1}, head {h + 1}: {heads[i, h]:.1f} ± {error[i, h]:.1f} px"
            for i in range(layers)
            for h in range(heads.shape[1])
        ]
        figure.add_scatter(
            x=x, y=heads.ravel(), mode="markers", text=words, name=f"{line.label}: attention of each head",
            customdata=error.ravel(), meta={"error": True},
            marker={"color": line.colour, "size": 9, "opacity": 0.65,
                    "symbol": "circle-open" if line.dash != "solid" else "circle"},
            hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    first = next((line.values["references"] for line in lines if "references" in line.values), {})
    near = len(first) > 1 and max(first.values()) - min(first.values()) < 2  # few patches: names would meet
    for name, pixels in first.items():
        figure.add_hline(pixels, line={"dash": "dot", "width": 1, "color": "#888888"})
        upper = "bottom" if pixels == max(first.values()) else "top"
        figure.add_annotation(  # beside the plot: dots and curves may be anywhere on it
            x=1, xref="paper", xshift=6, xanchor="left", align="left", y=pixels, showarrow=False,
            yanchor=upper if near else "middle", text=f"{name}<br>attention", font={"size": 12},
        )  # fmt: skip
    if first:
        figure.update_layout(margin={"r": 122})
    figure.update_layout(hovermode="closest", height=PANEL + 160)
    return figure


GAP = 2  # pixels between the maps of two layers
ACROSS = 240  # of `fields`: what a row is wide; all below is in this unit
TITLE, APART = 5.5, 2.5  # room for the words above a row, and between that and what is before it
STRIP, UNDER = (90.0, 3.0), 5.5  # the colour bar, and room for the numbers below it
POWERS = 4  # of ten, from the brightest colour to the darkest
UNIT_PX, HIGHEST_PX = 4.9, 460  # on a page in a window of 1280


def fields(lines: list[Line], top: float) -> go.Figure:
    """The receptive fields of every layer, a row for each model, in one colour scale with its bar below; the
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
    y = _colour_bar(figure, top, y + 2 * APART)
    hidden = {"visible": False, "fixedrange": True, "constrain": "domain"}
    figure.update_xaxes(range=[-0.5, ACROSS + 0.5], constraintoward="left", **hidden)
    figure.update_yaxes(range=[y, 0], scaleanchor="x", constraintoward="top", **hidden)
    return _bare(figure, min(HIGHEST_PX, round(y * UNIT_PX)), l=30)


def _row_of_fields(figure: go.Figure, line: Line, top: float, y: float, prefix: str) -> float:
    """The maps of one model from `y` downwards; how high they are."""
    names, maps = line.values["layers"], np.array(line.values["fields"])  # [layers, S, S]
    size = maps.shape[-1]
    step = ACROSS / (len(maps) * (size + GAP) - GAP)  # a pixel
    for at, values in enumerate(maps):
        x = at * (size + GAP) * step
        figure.add_heatmap(
            z=np.log10(np.clip(values, top * 10.0**-POWERS, top) / top), zmin=-POWERS, zmax=0,
            x0=x + step / 2, dx=step, y0=y + step / 2, dy=step, name=prefix + names[at],
            colorscale=COLOURSCALE, showscale=False, customdata=(100 * values).astype(np.float32),
            meta={"value": "log10 of the change, as a share of the largest"},
            hovertemplate=f"{prefix}{names[at]}, %{{customdata:.2g}} % of what it reads<extra></extra>",
        )  # fmt: skip
        figure.add_annotation(
            text=names[at], x=x + size * step / 2, y=y - 0.5, yanchor="bottom", showarrow=False,
            font={"size": 12},
        )  # fmt: skip
        box = line.values["bounds"][at] if line.values["bounds"] else None
        if box:
            upper, first, lower, last = box
            edges = dict(x0=x + max(first, 0) * step, x1=x + (min(last, size - 1) + 1) * step,
                         y0=y + max(upper, 0) * step, y1=y + (min(lower, size - 1) + 1) * step)  # fmt: skip
            figure.add_shape(type="rect", **edges, line={"color": line.colour, "width": 2})
    return size * step


def _colour_bar(figure: go.Figure, top: float, y: float) -> float:
    """What the colours of `fields` mean, from `y` downwards; where it ends. Plotly's own bar knows nothing
    of where the maps end.
    """
    (wide, high), parts = STRIP, 64
    figure.add_heatmap(
        z=np.linspace(-POWERS, 0, parts)[None], zmin=-POWERS, zmax=0, x0=wide / parts / 2, dx=wide / parts,
        y0=y + high / 2, dy=high, colorscale=COLOURSCALE, showscale=False, hoverinfo="skip",
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
        text="each pixel's share of what one place reads", x=wide + 2, xanchor="left",
        y=y + high / 2, yanchor="middle", **words,
    )  # fmt: skip
    return y + high + UNDER


def likeness(values: dict[str, Any], names: list[str]) -> go.Figure:
    """CKA of all layers of two models with each other: within the first, within the second, between."""
    _settle_pandas()
    table = np.array(values["cka"]["mean"])
    error = np.array(values["cka"]["error"])
    cut = len(values["layers"][0])
    labels = [layer for layers in values["layers"] for layer in layers]
    parts = [(names[0], names[0], slice(0, cut), slice(0, cut)),
             (names[1], names[1], slice(cut, None), slice(cut, None)),
             (names[0], names[1], slice(0, cut), slice(cut, None))]  # fmt: skip
    titles = [names[0], names[1], f"{names[0]} down, {names[1]} along"]
    figure = make_subplots(1, 3, horizontal_spacing=0.09, subplot_titles=titles)
    for at, (down, along, rows, columns) in enumerate(parts, start=1):
        figure.add_heatmap(
            z=table[rows, columns], x=labels[columns], y=labels[rows], zmin=0, zmax=1, colorscale=COLOURSCALE,
            customdata=error[rows, columns], xgap=1, ygap=1, showscale=at == 3, name=f"{down} and {along}",
            meta={"value": "CKA"},
            colorbar={"title": {"text": "CKA"}, "thickness": 12},
            hovertemplate=f"{down} %{{y}}, {along} %{{x}}: %{{z:.2f}} ± %{{customdata:.2f}}<extra></extra>",
            row=1, col=at,
        )  # fmt: skip
        figure.update_xaxes(tickangle=-60, fixedrange=True, row=1, col=at)
        figure.update_yaxes(autorange="reversed", fixedrange=True, row=1, col=at)
    figure.update_annotations(font_size=14)
    return _bare(figure, 420, l=60, b=90, t=30)


def largest(line: Line) -> float:
    """The largest change of accuracy without a head, percentage points, at least 1."""
    return max(1.0, 100 * float(np.abs(line.values["heads"]["mean"]).max()))


def heads(line: Line, top: float) -> go.Figure:
    """Change of accuracy without each head, percentage points, colours from -top to top. [layers, H]"""
    _settle_pandas()
    change = 100 * np.array(line.values["heads"]["mean"])
    error = 100 * np.array(line.values["heads"]["error"])
    scale = [[i / 255, "rgb({},{},{})".format(*pictures.SIGNED[i])] for i in range(0, 256, 15)]
    figure = go.Figure(
        go.Heatmap(
            name=line.label, meta={"value": "points of accuracy"},
            z=change, customdata=error, zmin=-top, zmax=top, colorscale=scale, xgap=2, ygap=2,
            x=[f"head {h + 1}" for h in range(change.shape[1])],
            y=[f"block {i + 1}" for i in range(len(change))], texttemplate="%{z:+.1f} ± %{text}",
            text=[[f"{e:.1f}" for e in row] for row in error],
            hovertemplate="%{y}, %{x}: %{z:+.1f} ± %{customdata:.1f} points<extra></extra>",
            colorbar={"title": {"text": "points"}, "thickness": 12},
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_xaxes(fixedrange=True, side="top")
    return _bare(figure, 44 * len(change) + 40 + FILES, l=66, t=30, b=FILES)


def blocks(lines: list[Line]) -> go.Figure:
    """Change of accuracy without each block, percentage points, with standard errors."""
    _settle_pandas()
    figure = make_subplots(1, len(lines), subplot_titles=[line.label for line in lines], shared_yaxes=True,
                           horizontal_spacing=0.04)  # fmt: skip
    for at, line in enumerate(lines, start=1):
        series = line.values["blocks"]
        error = 100 * np.array(series["error"])
        figure.add_bar(
            x=[name.removeprefix("block ") for name in line.values["layers"]],
            y=100 * np.array(series["mean"]), marker={"color": line.colour},
            error_y={"type": "data", "array": error, "thickness": 1.4, "color": "#888888"},
            customdata=error,
            hovertemplate="without block %{x}: %{y:+.1f} ± %{customdata:.1f} points<extra></extra>",
            row=1, col=at,
        )  # fmt: skip
    figure.update_xaxes(
        fixedrange=True, type="category", title={"text": "without block", "font": {"size": 13}}
    )
    figure.update_yaxes(fixedrange=True)
    figure.update_yaxes(title={"text": "points of accuracy", "font": {"size": 13}}, row=1, col=1)
    return _bare(figure, PANEL + FILES, l=52, t=30, b=60 + FILES)
