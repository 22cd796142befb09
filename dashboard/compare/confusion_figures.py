"""The Plotly figure of confusion matrices. Pure functions: they open no files and compute no models."""

from __future__ import annotations

import html

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.compare.figures import Shown
from dashboard.drawing.csv_rows import matrix_rows, table
from dashboard.drawing.figures import Figure, apply_layout

MOST_WRITTEN = 20  # with more classes, numbers in the cells would be too small to read


def confusions(runs: list[Shown]) -> Figure:
    """Draw the confusion matrix of each run, with a row for each true class. With two runs, adds a matrix of
    the first run minus the second.
    """
    difference = len(runs) == 2
    tables = [np.array(run.scores.confusion) for run in runs]
    classes = runs[0].scores.classes
    shown = [html.escape(name) for name in classes]
    titles = [run.name for run in runs]
    if difference:
        titles.append(f"{runs[0].name} minus <br>{runs[1].name}")  # two lines, to fit over a matrix
    figure = make_subplots(1, len(titles), shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.025)
    top = max(1, *(int(_without_diagonal(counts).max()) for counts in tables))
    for i, counts in enumerate(tables):
        figure.add_trace(_mistakes(counts, shown, top), row=1, col=i + 1)
        figure.add_trace(_diagonal(counts, shown), row=1, col=i + 1)
    if difference:
        figure.add_trace(_difference(tables[0] - tables[1], shown), row=1, col=len(titles))
    figure.update_xaxes(showgrid=False, fixedrange=True, title="prediction", tickangle=-45, type="category")
    figure.update_yaxes(showgrid=False, fixedrange=True, autorange="reversed", automargin=True)
    figure.update_yaxes(title="true class", row=1, col=1)
    figure.update_xaxes(tickfont={"size": 12})
    figure.update_yaxes(tickfont={"size": 12})
    figure.update_annotations(font_size=14)
    named = [(run.plain_name, counts) for run, counts in zip(runs, tables, strict=True)]
    if difference:
        named.append((f"{runs[0].plain_name} minus {runs[1].plain_name}", tables[0] - tables[1]))
    rows = (row for name, counts in named for row in matrix_rows([name, name], classes, classes, counts))
    return Figure(
        apply_layout(figure, 480 if len(classes) <= MOST_WRITTEN else 630, t=48, b=10),
        table(["panel", "series", "prediction", "true class", "images"], rows),
    )


def _without_diagonal(counts: np.ndarray) -> np.ndarray:
    return counts * (1 - np.eye(len(counts), dtype=counts.dtype))


def _row_sums(counts: np.ndarray) -> np.ndarray:
    """Return the number of images in each row, repeated along the row. [C, C]"""
    return np.repeat(counts.sum(axis=1, keepdims=True), len(counts), axis=1)


def _mistakes(counts: np.ndarray, classes: list[str], top: int) -> go.Heatmap:
    """Draw the wrong predictions in color. The right ones, which are far more, would dominate the scale."""
    right = np.eye(len(counts), dtype=bool)
    z = np.where(right, np.nan, counts)
    return go.Heatmap(
        z=z,
        x=classes,
        y=classes,
        customdata=_row_sums(counts),
        zmin=0,
        zmax=top,
        colorscale="Cividis",
        showscale=False,
        xgap=1,
        ygap=1,
        text=np.where((counts > 0) & ~right, counts.astype(str), ""),  # `_diagonal` writes the others
        texttemplate="%{text}" if len(classes) <= MOST_WRITTEN else "",
        textfont={"size": 12},
        hovertemplate="%{y}, predicted %{x}: %{z} of %{customdata:,}<extra></extra>",
        hoverongaps=False,
    )


def _diagonal(counts: np.ndarray, classes: list[str]) -> go.Scatter:
    """Write the numbers of right predictions in bold."""
    return go.Scatter(
        x=classes,
        y=classes,
        mode="text",
        text=[f"<b>{n}</b>" for n in np.diag(counts)] if len(classes) <= MOST_WRITTEN else None,
        textfont={"size": 12},
        customdata=np.stack([np.diag(counts), counts.sum(axis=1)], axis=1),
        hovertemplate="%{y}, correct: %{customdata[0]} of %{customdata[1]:,}<extra></extra>",
    )


def _difference(counts: np.ndarray, classes: list[str]) -> go.Heatmap:
    """Draw a difference of counts: orange where the first run predicts the class more often, else violet."""
    top = max(1, int(np.abs(counts).max()))
    labels = np.where(counts == 0, "", np.char.mod("%+d", counts))
    return go.Heatmap(
        z=counts,
        x=classes,
        y=classes,
        zmin=-top,
        zmax=top,
        colorscale="PuOr_r",
        showscale=False,
        xgap=1,
        ygap=1,
        text=labels,
        texttemplate="%{text}" if len(classes) <= MOST_WRITTEN else "",
        textfont={"size": 12},
        hovertemplate="%{y}, predicted %{x}: %{z:+d}<extra></extra>",
    )
