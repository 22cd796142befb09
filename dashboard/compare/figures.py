"""Plotly figures of the page Compare. Pure functions: they open no files and compute no models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.drawing.figures import _bare, _settle_pandas
from vitcore.probes.score_values import TestScores

FEW = 10  # answers in a bin, below which its accuracy says little
MOST_WRITTEN = 20  # classes: with more, numbers in cells are too small to read


@dataclass(frozen=True)
class Shown:
    """A run as it is drawn: its name, color, dash and its test scores."""

    name: str
    color: str
    dash: str
    scores: TestScores


def confusions(runs: list[Shown], difference: bool) -> go.Figure:
    """The confusion matrix of each run, rows are the truth; of two, with the first minus the second."""
    _settle_pandas()
    tables = [np.array(run.scores.confusion) for run in runs]
    classes = runs[0].scores.classes
    titles = [run.name for run in runs]
    if difference:
        titles.append(f"{runs[0].name} minus <br>{runs[1].name}")  # two lines: it is as wide as a matrix
    figure = make_subplots(1, len(titles), shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.025)
    top = max(1, *(int(_without_diagonal(table).max()) for table in tables))
    for i, table in enumerate(tables):
        figure.add_trace(_counts(table, classes, top), row=1, col=i + 1)
        figure.add_trace(_diagonal(table, classes), row=1, col=i + 1)
    if difference:
        figure.add_trace(_difference(tables[0] - tables[1], classes), row=1, col=len(titles))
    figure.update_xaxes(showgrid=False, fixedrange=True, title="answer", tickangle=-45, type="category")
    figure.update_yaxes(showgrid=False, fixedrange=True, autorange="reversed", automargin=True)
    figure.update_yaxes(title="truth", row=1, col=1)
    figure.update_xaxes(tickfont={"size": 12})
    figure.update_yaxes(tickfont={"size": 12})
    figure.update_annotations(font_size=14)
    return _bare(figure, 480 if len(classes) <= MOST_WRITTEN else 630, t=48, b=10)


def _without_diagonal(table: np.ndarray) -> np.ndarray:
    return table * (1 - np.eye(len(table), dtype=table.dtype))


def _rows(table: np.ndarray) -> np.ndarray:
    """How many images each row has, repeated along it. [C, C]"""
    return np.repeat(table.sum(axis=1, keepdims=True), len(table), axis=1)


def _counts(table: np.ndarray, classes: list[str], top: int) -> go.Heatmap:
    """Mistakes in color; right answers are far more, and have none."""
    right = np.eye(len(table), dtype=bool)
    z = np.where(right, np.nan, table)
    return go.Heatmap(
        z=z,
        x=classes,
        y=classes,
        customdata=_rows(table),
        zmin=0,
        zmax=top,
        colorscale="Cividis",
        showscale=False,
        xgap=1,
        ygap=1,
        text=np.where((table > 0) & ~right, table.astype(str), ""),  # the diagonal writes its own
        texttemplate="%{text}" if len(classes) <= MOST_WRITTEN else "",
        textfont={"size": 12},
        hovertemplate="%{y}, predicted %{x}: %{z} of %{customdata:,}<extra></extra>",
        hoverongaps=False,
    )


def _diagonal(table: np.ndarray, classes: list[str]) -> go.Scatter:
    return go.Scatter(
        x=classes,
        y=classes,
        mode="text",
        text=[f"<b>{n}</b>" for n in np.diag(table)] if len(classes) <= MOST_WRITTEN else None,
        textfont={"size": 12},
        customdata=np.stack([np.diag(table), table.sum(axis=1)], axis=1),
        hovertemplate="%{y}, right: %{customdata[0]} of %{customdata[1]:,}<extra></extra>",
    )


def _difference(table: np.ndarray, classes: list[str]) -> go.Heatmap:
    """Violet: the first says it less often; orange: more often."""
    top = max(1, int(np.abs(table).max()))
    words = np.where(table == 0, "", np.char.mod("%+d", table))
    return go.Heatmap(
        z=table,
        x=classes,
        y=classes,
        zmin=-top,
        zmax=top,
        colorscale="PuOr_r",
        showscale=False,
        xgap=1,
        ygap=1,
        text=words,
        texttemplate="%{text}" if len(classes) <= MOST_WRITTEN else "",
        textfont={"size": 12},
        hovertemplate="%{y}, predicted %{x}: %{z:+d}<extra></extra>",
    )


def classes(runs: list[Shown]) -> go.Figure:
    """Accuracy per class, a dot for each run with its binomial standard error, the hardest class below."""
    _settle_pandas()
    names = runs[0].scores.classes
    means = np.array([run.scores.class_accuracy.mean for run in runs])  # [runs, C]
    order = np.argsort(means.mean(axis=0), kind="stable")
    figure = go.Figure()
    for y, at in enumerate(order if len(runs) == 2 else ()):  # a line between two dots
        ends = [100 * means[:, at].min(), 100 * means[:, at].max()]
        figure.add_trace(
            go.Scatter(
                x=ends,
                y=[y, y],
                mode="lines",
                line={"color": "rgba(128,128,128,0.35)", "width": 2},
                hoverinfo="skip",
                showlegend=False,
                meta={"again": True},
            )
        )
    apart = 0.12 * (np.arange(len(runs)) - (len(runs) - 1) / 2)  # equally good runs stand beside each other
    for run, aside in zip(runs, -np.clip(apart, -0.36, 0.36), strict=True):
        found = run.scores.class_accuracy
        figure.add_trace(
            go.Scatter(
                x=100 * np.array(found.mean)[order],
                y=np.arange(len(order)) + aside,
                error_x={
                    "array": 100 * np.array(found.error)[order],
                    "thickness": 1.2,
                    "width": 3,
                    "color": run.color,
                },
                customdata=np.stack(
                    [100 * np.array(found.error)[order], np.array(found.count)[order]], axis=1
                ),
                text=[names[i] for i in order],
                meta={"y": [names[i] for i in order], "called": {"x": "accuracy, %", "y": "class"}},
                mode="markers",
                name=run.name,
                marker={"color": run.color, "size": 10, "symbol": _symbol(run.dash)},
                hovertemplate="%{text}: %{x:.1f} ± %{customdata[0]:.1f} %, n = %{customdata[1]:,}",
            )
        )
    figure.update_xaxes(title="accuracy in %, with its standard error", fixedrange=True)
    figure.update_yaxes(
        tickvals=list(range(len(order))),
        ticktext=[names[i] for i in order],
        fixedrange=True,
        showgrid=False,
        automargin=True,
        range=[-0.6, len(order) - 0.4],
        zeroline=False,
        tickfont={"size": 13},
    )
    return _with_legend(_bare(figure, max(300, max(34, 9 * len(runs) + 14) * len(order) + 110), t=40, b=50))


def _symbol(dash: str) -> str:
    """Runs of one architecture differ in dash as curves and in shape as dots."""
    shapes = {"solid": "circle", "dash": "diamond", "dot": "square", "dashdot": "triangle-up"}
    return shapes.get(dash, "x")


def _with_legend(figure: go.Figure) -> go.Figure:
    figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "font": {"size": 13}},
    )
    return figure


def calibration(runs: list[Shown]) -> go.Figure:
    """The reliability diagram: accuracy against confidence in bins, and below how many answers each holds."""
    _settle_pandas()
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.74, 0.26], vertical_spacing=0.05)
    figure.add_trace(
        go.Scatter(
            x=[0, 100],
            y=[0, 100],
            mode="lines",
            line={"color": "rgba(128,128,128,0.6)", "dash": "dot", "width": 1.5},
            name="perfectly calibrated",
            hoverinfo="skip",
            meta={"again": True},
        ),
        row=1,
        col=1,
    )
    for run in runs:
        found = run.scores.calibration
        count = np.array(found.count)
        there = count > 0
        sure, right, n = (
            np.array(found.confidence)[there], np.array(found.accuracy)[there], count[there],
        )  # fmt: skip
        error = np.sqrt(right * (1 - right) / n)
        figure.add_trace(
            go.Scatter(
                x=100 * sure,
                y=100 * right,
                error_y={"array": 100 * error, "thickness": 1, "width": 2, "color": run.color},
                customdata=n,
                mode="lines+markers",
                name=f"{run.name}, ECE {100 * found.ece:.1f} %",
                line={"color": run.color, "dash": run.dash, "width": 2},
                marker={"size": 7, "symbol": np.where(n < FEW, "circle-open", "circle")},
                hovertemplate="confidence %{x:.1f} %, accuracy %{y:.1f} %, n = %{customdata:,}",
            ),
            row=1,
            col=1,
        )
        edges = 100 * (np.arange(found.bins) + 0.5) / found.bins
        figure.add_trace(
            go.Bar(
                x=edges,
                y=count,
                marker={"color": run.color},
                showlegend=False,
                name=f"{run.name}, number of predictions",
                meta={"called": {"y": "accuracy, % (or count)"}},  # its file has one column for both panels
                hovertemplate="about %{x:.0f} % confidence: %{y:,} predictions",
            ),
            row=2,
            col=1,
        )
    figure.update_xaxes(fixedrange=True, range=[0, 101])
    figure.update_xaxes(title="confidence, %", row=2, col=1)
    figure.update_yaxes(fixedrange=True, title="accuracy, %", range=[-2, 101], row=1, col=1)
    figure.update_yaxes(fixedrange=True, title="answers", row=2, col=1)
    figure.update_layout(bargap=0.15, bargroupgap=0.05)
    return _with_legend(_bare(figure, 560, t=60, b=50, l=10))


@dataclass(frozen=True)
class Path:
    """A training along some axis: where it reached the target (None: never), and where it ended."""

    name: str
    color: str
    reached: float | None
    end: float
    words: str  # at the end of its bar


def reach(paths: list[Path], unit: str) -> go.Figure:
    """How far each training was when it reached the target, of how far it went."""
    _settle_pandas()
    names = [path.name for path in paths]
    figure = go.Figure()
    figure.add_trace(
        go.Bar(
            x=[path.end for path in paths],
            y=names,
            name="trained until",
            meta={"called": {"y": "run"}},
            showlegend=False,
            orientation="h",
            width=0.55,
            marker={"color": [path.color for path in paths], "opacity": 0.25},
            text=[path.words for path in paths],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: trained until %{x:,.4g}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Bar(
            x=[path.reached for path in paths],  # None, and no bar, where it was not reached
            y=names,
            name="reached at",
            showlegend=False,
            orientation="h",
            width=0.55,
            marker={"color": [path.color for path in paths]},
            hovertemplate="%{y}: reached at %{x:,.4g}<extra></extra>",
        )
    )
    top = max(path.end for path in paths)
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(title=unit, fixedrange=True, range=[0, 1.32 * top])
    figure.update_yaxes(
        autorange="reversed", fixedrange=True, showgrid=False, automargin=False, type="category"
    )
    left = 14 + round(7.2 * max(len(path.name) for path in paths))  # automargin cuts a first letter, enlarged
    return _bare(figure, 44 * len(paths) + 70, b=46, l=left)
