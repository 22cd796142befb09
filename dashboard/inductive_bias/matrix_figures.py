"""Plotly figures of the inductive-bias experiments that color the cells of a matrix. Pure functions."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.drawing import pictures
from dashboard.drawing.csv_rows import ERROR, matrix_rows, table
from dashboard.drawing.figures import COLORSCALE, Figure, apply_layout
from dashboard.inductive_bias.figures import FILES
from dashboard.inductive_bias.lines import Line
from vitcore.probes.estimates import Table
from vitcore.probes.shapes import Changes, Matrix


def likeness(line: Line[Matrix]) -> Figure:
    """Draw the similarity of all layers: within the first model, within the second, and between the two."""
    matrix, names = line.values, (line.label, line.other)
    mean, error = np.array(matrix.table.mean), np.array(matrix.table.error)
    cut = len(matrix.layers[0])
    labels = [layer for layers in matrix.layers for layer in layers]
    parts = [
        (names[0], names[0], slice(0, cut), slice(0, cut)),
        (names[1], names[1], slice(cut, None), slice(cut, None)),
        (names[0], names[1], slice(0, cut), slice(cut, None)),
    ]
    titles = [names[0], names[1], f"{names[0]} down, {names[1]} along"]
    escaped = [html.escape(title) for title in titles]
    figure = make_subplots(1, 3, horizontal_spacing=0.09, subplot_titles=escaped)
    cells: list[list[Any]] = []
    for column, (down, along, rows, columns) in enumerate(parts, start=1):
        x, y, name, part = labels[columns], labels[rows], f"{down} and {along}", np.s_[rows, columns]
        cells.extend(matrix_rows([titles[column - 1], name], x, y, mean[part], error[part]))
        figure.add_heatmap(
            z=mean[part],
            x=x,
            y=y,
            zmin=0,
            zmax=1,
            colorscale=COLORSCALE,
            customdata=error[part],
            xgap=1,
            ygap=1,
            showscale=column == 3,
            name=html.escape(name),
            colorbar={"title": {"text": matrix.label}, "thickness": 12},
            hovertemplate=f"{html.escape(down)} %{{y}}, {html.escape(along)} %{{x}}: %{{z:.2f}} ± "
            "%{customdata:.2f}<extra></extra>",
            row=1,
            col=column,
        )
        figure.update_xaxes(tickangle=-60, fixedrange=True, row=1, col=column)
        figure.update_yaxes(autorange="reversed", fixedrange=True, row=1, col=column)
    figure.update_annotations(font_size=14)
    return Figure(
        apply_layout(figure, 420, l=60, b=90, t=30),
        table(["panel", "series", "column", "row", matrix.label, ERROR], cells),
    )


def heads(line: Line[Changes], changes: Table, top: float) -> Figure:
    """Draw the change without each head, in percentage points. [layers, H]. Colors range from -top to top."""
    change, error = 100 * np.array(changes.mean), 100 * np.array(changes.error)
    x = [f"head {h + 1}" for h in range(change.shape[1])]
    y = [f"block {i + 1}" for i in range(len(change))]
    scale = [[i / 255, "rgb({},{},{})".format(*pictures.SIGNED[i])] for i in range(0, 256, 15)]
    figure = go.Figure(
        go.Heatmap(
            name=line.shown,
            x=x,
            y=y,
            z=change,
            customdata=error,
            zmin=-top,
            zmax=top,
            colorscale=scale,
            xgap=2,
            ygap=2,
            texttemplate="%{z:+.1f} ± %{text}",
            text=[[f"{e:.1f}" for e in row] for row in error],
            hovertemplate="%{y}, %{x}: %{z:+.1f} ± %{customdata:.1f} points<extra></extra>",
            colorbar={"title": {"text": "points"}, "thickness": 12},
        )
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_xaxes(fixedrange=True, side="top")
    columns = ["series", "head", "block", f"points of {line.values.quantity}", ERROR]
    return Figure(
        apply_layout(figure, 44 * len(change) + 40 + FILES, l=66, t=30, b=FILES),
        table(columns, matrix_rows([line.label], x, y, change, error)),
    )
