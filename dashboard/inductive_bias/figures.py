"""Plotly figures of the inductive-bias experiments: one function per shape of values. Pure functions.

`shape_figures` says which of them a shape has. Error bars are standard errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from dashboard.drawing import pictures
from dashboard.drawing.figures import COLORSCALE, _bare, _settle_pandas
from dashboard.inductive_bias.lines import Line
from vitcore.probes import View
from vitcore.probes.estimates import Table
from vitcore.probes.shapes import Changes, Curves, LayersAndHeads, LayerSeries, Matrix, Panel

PANEL = 300  # pixels high
FILES = 24  # pixels below a map for PNG, SVG and CSV, which would lie on it


def _axis(figure: go.Figure, x: str, y: str, **position: Any) -> None:
    size = {"size": 13}
    figure.update_xaxes(title={"text": x, "font": size}, fixedrange=True, zeroline=False, **position)
    figure.update_yaxes(title={"text": y, "font": size}, fixedrange=True, zeroline=False, **position)


def _draw(
    figure: go.Figure,
    line: Line,
    x: Sequence[float | str],
    mean: ArrayLike,
    error: ArrayLike,
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
        fillcolor=_clear(line.color),
        line={"width": 0},
        hoverinfo="skip",
        row=1,
        col=at,
    )
    words = [f"{m:.3g}{unit} ± {e:.2g}" for m, e in zip(mean, error, strict=True)]
    figure.add_scatter(
        x=x, y=mean, mode="lines+markers", name=line.label, text=words, row=1, col=at,
        customdata=error, meta={"error": True},
        line={"color": line.color, "dash": line.dash, "width": 2.5}, marker={"size": 6},
        hovertemplate=f"{line.label}: %{{text}}<extra></extra>",
    )  # fmt: skip


def _clear(color: str) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.28)"


def curves(lines: list[Line[Curves]], chance: float | None, view: View | None = None) -> go.Figure:
    """The panels of the shape side by side, shares in %."""
    _settle_pandas()
    first = lines[0].values
    panels = [Panel(panel.curve.format_map(vars(view or View())), panel.title) for panel in first.panels]
    figure = make_subplots(
        1, len(panels), subplot_titles=[panel.title for panel in panels], horizontal_spacing=0.07
    )
    kinds = {panel.curve.partition(",")[0] for panel in panels}
    measure = f"{kinds.pop()}, %" if len(kinds) == 1 else "%"
    for at, panel in enumerate(panels, start=1):
        for line in lines:
            curve = line.values.curves[panel.curve]
            mean, error = (100 * np.array(part, float) for part in (curve.mean, curve.error))
            x = [str(value) for value in line.values.x] if first.even else list(line.values.x)
            _draw(figure, line, x, mean, error, at=at, unit=" %")
            if first.even:
                figure.update_xaxes(type="category", dtick=1, row=1, col=at)
        _axis(figure, first.quantity, measure if at == 1 else "", row=1, col=at)
        figure.update_yaxes(range=[0, 102], row=1, col=at)
        if chance and panel.curve.startswith("accuracy"):
            figure.add_hline(
                100 * chance, line={"dash": "dot", "width": 1, "color": "#888888"}, row=1, col=at
            )
            figure.add_annotation(
                x=1, xref="x domain" if at == 1 else f"x{at} domain", y=100 * chance,
                yref="y" if at == 1 else f"y{at}", text="chance", showarrow=False, xanchor="right",
                yanchor="top", font={"size": 12, "color": "#888888"},
            )  # fmt: skip
    for at, title in enumerate(figure.layout.annotations[: len(panels)], start=1):
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


def depth(lines: Sequence[Line[LayerSeries]]) -> go.Figure:
    """A number per layer against relative depth, 0 the first layer and 1 the last."""
    _settle_pandas()
    figure = make_subplots(1, 1)
    for line in lines:
        series = line.values.series
        count = len(series.mean)
        x = [i / max(1, count - 1) for i in range(count)]
        _draw(figure, line, x, series.mean, series.error)
    _axis(figure, "depth, from the first layer (0) to the last (1)", lines[0].values.axis)
    return _legend(_bare(figure, PANEL + 40, l=56, r=8, t=30, b=44))


def distances(lines: list[Line[LayersAndHeads]]) -> go.Figure:
    """A number of every head (dots) and of every layer (lines) against depth; pixels."""
    _settle_pandas()
    figure = depth(lines)
    for line in lines:
        table = next(iter(line.values.heads.values()), None)
        if table is None:
            continue
        heads, error = np.array(table.mean), np.array(table.error)  # [layers, H]
        layers = len(heads)
        x = np.repeat([(i + 1) / layers for i in range(layers)], heads.shape[1])  # depth 0 is the embedding
        words = [
            f"block {i + 1}, head {h + 1}: {heads[i, h]:.1f} ± {error[i, h]:.1f} px"
            for i in range(layers)
            for h in range(heads.shape[1])
        ]
        figure.add_scatter(
            x=x, y=heads.ravel(), mode="markers", text=words, name=f"{line.label}: {line.values.points}",
            customdata=error.ravel(), meta={"error": True},
            marker={"color": line.color, "size": 9, "opacity": 0.65,
                    "symbol": "circle" if line.trained else "circle-open"},
            hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    with_references = next((line.values for line in lines if line.values.references), None)
    if with_references:
        _reference_lines(figure, with_references)
    figure.update_layout(hovermode="closest", height=PANEL + 160)
    return figure


def _reference_lines(figure: go.Figure, shape: LayersAndHeads) -> None:
    """Horizontal lines, named beside the plot: dots and curves may be anywhere on it."""
    values = shape.references.values()
    near = len(values) > 1 and max(values) - min(values) < 2  # few patches: names would meet
    for name, value in shape.references.items():
        figure.add_hline(value, line={"dash": "dot", "width": 1, "color": "#888888"})
        upper = "bottom" if value == max(values) else "top"
        figure.add_annotation(
            x=1, xref="paper", xshift=6, xanchor="left", align="left", y=value, showarrow=False,
            yanchor=upper if near else "middle", text=f"{name}<br>{shape.reference_kind}", font={"size": 12},
        )  # fmt: skip
    figure.update_layout(margin={"r": 122})


def likeness(line: Line[Matrix]) -> go.Figure:
    """All layers of two models with each other: within the first, within the second, between."""
    _settle_pandas()
    matrix, names = line.values, (line.label, line.beside)
    table = np.array(matrix.table.mean)
    error = np.array(matrix.table.error)
    cut = len(matrix.layers[0])
    labels = [layer for layers in matrix.layers for layer in layers]
    parts = [(names[0], names[0], slice(0, cut), slice(0, cut)),
             (names[1], names[1], slice(cut, None), slice(cut, None)),
             (names[0], names[1], slice(0, cut), slice(cut, None))]  # fmt: skip
    titles = [names[0], names[1], f"{names[0]} down, {names[1]} along"]
    figure = make_subplots(1, 3, horizontal_spacing=0.09, subplot_titles=titles)
    for at, (down, along, rows, columns) in enumerate(parts, start=1):
        figure.add_heatmap(
            z=table[rows, columns], x=labels[columns], y=labels[rows], zmin=0, zmax=1, colorscale=COLORSCALE,
            customdata=error[rows, columns], xgap=1, ygap=1, showscale=at == 3, name=f"{down} and {along}",
            meta={"value": matrix.label},
            colorbar={"title": {"text": matrix.label}, "thickness": 12},
            hovertemplate=f"{down} %{{y}}, {along} %{{x}}: %{{z:.2f}} ± %{{customdata:.2f}}<extra></extra>",
            row=1, col=at,
        )  # fmt: skip
        figure.update_xaxes(tickangle=-60, fixedrange=True, row=1, col=at)
        figure.update_yaxes(autorange="reversed", fixedrange=True, row=1, col=at)
    figure.update_annotations(font_size=14)
    return _bare(figure, 420, l=60, b=90, t=30)


def heads(line: Line[Changes], table: Table, top: float) -> go.Figure:
    """Change of a share without each head, percentage points, colors from -top to top. [layers, H]"""
    _settle_pandas()
    share = line.values.quantity
    change, error = 100 * np.array(table.mean), 100 * np.array(table.error)
    scale = [[i / 255, "rgb({},{},{})".format(*pictures.SIGNED[i])] for i in range(0, 256, 15)]
    figure = go.Figure(
        go.Heatmap(
            name=line.label, meta={"value": f"points of {share}"},
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


def blocks(lines: list[Line[Changes]]) -> go.Figure:
    """Change of a share without each block, percentage points, with standard errors."""
    _settle_pandas()
    figure = make_subplots(1, len(lines), subplot_titles=[line.label for line in lines], shared_yaxes=True,
                           horizontal_spacing=0.04)  # fmt: skip
    for at, line in enumerate(lines, start=1):
        series = line.values.without_block
        error = 100 * np.array(series.error)
        figure.add_bar(
            x=[name.removeprefix("block ") for name in line.values.blocks],
            y=100 * np.array(series.mean), marker={"color": line.color},
            error_y={"type": "data", "array": error, "thickness": 1.4, "color": "#888888"},
            customdata=error,
            hovertemplate="without block %{x}: %{y:+.1f} ± %{customdata:.1f} points<extra></extra>",
            row=1, col=at,
        )  # fmt: skip
    figure.update_xaxes(
        fixedrange=True, type="category", title={"text": "without block", "font": {"size": 13}}
    )
    figure.update_yaxes(fixedrange=True)
    title = f"points of {lines[0].values.quantity}"
    figure.update_yaxes(title={"text": title, "font": {"size": 13}}, row=1, col=1)
    return _bare(figure, PANEL + FILES, l=52, t=30, b=60 + FILES)
