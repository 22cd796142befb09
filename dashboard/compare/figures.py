"""Plotly figures of the Compare page. Pure functions: they open no files and compute no models."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.drawing.csv_rows import ERROR, matrix_rows, point_rows, table
from dashboard.drawing.figures import Figure, apply_layout
from vitcore import numbers
from vitcore.probes.score_values import TestScores

FEW = 10  # a bin with fewer predictions has an open marker
PREDICTIONS = "number of predictions"
MOST_WRITTEN = 20  # with more classes, numbers in the cells would be too small to read


@dataclass(frozen=True)
class Shown:
    """A run as figures draw it. `name` is escaped for HTML."""

    name: str
    color: str
    dash: str
    scores: TestScores

    @property
    def plain_name(self) -> str:
        """The name without HTML escapes, for CSV files."""
        return html.unescape(self.name)


def confusions(runs: list[Shown]) -> Figure:
    """Draw the confusion matrix of each run, with a row for each true class. With two runs, adds a matrix of
    the first run minus the second.
    """
    difference = len(runs) == 2
    tables = [np.array(run.scores.confusion) for run in runs]
    classes = runs[0].scores.classes
    titles = [run.name for run in runs]
    if difference:
        titles.append(f"{runs[0].name} minus <br>{runs[1].name}")  # two lines, to fit over a matrix
    figure = make_subplots(1, len(titles), shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.025)
    top = max(1, *(int(_without_diagonal(counts).max()) for counts in tables))
    for i, counts in enumerate(tables):
        figure.add_trace(_mistakes(counts, classes, top), row=1, col=i + 1)
        figure.add_trace(_diagonal(counts, classes), row=1, col=i + 1)
    if difference:
        figure.add_trace(_difference(tables[0] - tables[1], classes), row=1, col=len(titles))
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


def classes(runs: list[Shown]) -> Figure:
    """Draw a dot for the accuracy of each run and class, with its binomial standard error. The hardest class
    is at the bottom.
    """
    names = runs[0].scores.classes
    means = np.array([run.scores.class_accuracy.mean for run in runs])  # [runs, C]
    order = np.argsort(means.mean(axis=0), kind="stable")
    figure = go.Figure()
    for y, label in enumerate(order if len(runs) == 2 else ()):  # a line between the two dots
        ends = [100 * means[:, label].min(), 100 * means[:, label].max()]
        figure.add_trace(
            go.Scatter(
                x=ends,
                y=[y, y],
                mode="lines",
                line={"color": "rgba(128,128,128,0.35)", "width": 2},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    rows: list[list[Any]] = []
    sorted_names = [names[i] for i in order]
    shifts = 0.12 * (np.arange(len(runs)) - (len(runs) - 1) / 2)  # so that equal accuracies do not overlap
    for run, shift in zip(runs, -np.clip(shifts, -0.36, 0.36), strict=True):
        accuracy = run.scores.class_accuracy
        percent, error = 100 * np.array(accuracy.mean)[order], 100 * np.array(accuracy.error)[order]
        rows.extend(point_rows([run.plain_name], percent, sorted_names, error))
        figure.add_trace(
            go.Scatter(
                x=percent,
                y=np.arange(len(order)) + shift,
                error_x={"array": error, "thickness": 1.2, "width": 3, "color": run.color},
                customdata=np.stack([error, np.array(accuracy.count)[order]], axis=1),
                text=sorted_names,
                mode="markers",
                name=run.name,
                marker={"color": run.color, "size": 10, "symbol": _symbol(run.dash)},
                hovertemplate="%{text}: %{x:.1f} ± %{customdata[0]:.1f} %, n = %{customdata[1]:,}",
            )
        )
    figure.update_xaxes(title="accuracy in %, with its standard error", fixedrange=True)
    figure.update_yaxes(
        tickvals=list(range(len(order))),
        ticktext=sorted_names,
        fixedrange=True,
        showgrid=False,
        automargin=True,
        range=[-0.6, len(order) - 0.4],
        zeroline=False,
        tickfont={"size": 13},
    )
    height = max(300, max(34, 9 * len(runs) + 14) * len(order) + 110)
    return Figure(
        _with_legend(apply_layout(figure, height, t=40, b=50)),
        table(["series", "accuracy, %", "class", ERROR], rows),
    )


def _symbol(dash: str) -> str:
    """Return the marker for a dash. Runs of one architecture differ in dash as lines, in marker as dots."""
    shapes = {"solid": "circle", "dash": "diamond", "dot": "square", "dashdot": "triangle-up"}
    return shapes.get(dash, "x")


def _with_legend(figure: go.Figure) -> go.Figure:
    figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "font": {"size": 13}},
    )
    return figure


def calibration(runs: list[Shown]) -> Figure:
    """Draw a reliability diagram: accuracy against confidence, and below it the predictions per bin."""
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.74, 0.26], vertical_spacing=0.05)
    figure.add_trace(
        go.Scatter(
            x=[0, 100],
            y=[0, 100],
            mode="lines",
            line={"color": "rgba(128,128,128,0.6)", "dash": "dot", "width": 1.5},
            name="perfectly calibrated",
            hoverinfo="skip",
        ),
        row=1,
        col=1,
    )
    for run in runs:
        confidence, accuracy, error, n = _filled_bins(run)
        figure.add_trace(
            go.Scatter(
                x=confidence,
                y=accuracy,
                error_y={"array": error, "thickness": 1, "width": 2, "color": run.color},
                customdata=n,
                mode="lines+markers",
                name=f"{run.name}, {_ece(run)}",
                line={"color": run.color, "dash": run.dash, "width": 2},
                marker={"size": 7, "symbol": np.where(n < FEW, "circle-open", "circle")},
                hovertemplate="confidence %{x:.1f} %, accuracy %{y:.1f} %, n = %{customdata:,}",
            ),
            row=1,
            col=1,
        )
        figure.add_trace(
            go.Bar(
                x=_bin_centers(run),
                y=run.scores.calibration.count,
                marker={"color": run.color},
                showlegend=False,
                name=f"{run.name}, {PREDICTIONS}",
                hovertemplate="about %{x:.0f} % confidence: %{y:,} predictions",
            ),
            row=2,
            col=1,
        )
    figure.update_xaxes(fixedrange=True, range=[0, 101])
    figure.update_xaxes(title="confidence, %", row=2, col=1)
    figure.update_yaxes(fixedrange=True, title="accuracy, %", range=[-2, 101], row=1, col=1)
    figure.update_yaxes(fixedrange=True, title="predictions", row=2, col=1)
    figure.update_layout(bargap=0.15, bargroupgap=0.05)
    columns = ["series", "confidence, %", "accuracy, % (or count)", ERROR]  # one column for both panels
    rows = (row for run in runs for row in _calibration_rows(run))
    return Figure(_with_legend(apply_layout(figure, 560, t=60, b=50, l=10)), table(columns, rows))


def _filled_bins(run: Shown) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the confidence, the accuracy, its binomial standard error (all in percent) and the number of
    predictions of each bin that is not empty.
    """
    bins = run.scores.calibration
    filled = np.array(bins.count) > 0
    confidence, accuracy, n = (
        np.array(part)[filled] for part in (bins.confidence, bins.accuracy, bins.count)
    )  # fmt: skip
    error = np.sqrt(accuracy * (1 - accuracy) / n)
    return 100 * confidence, 100 * accuracy, 100 * error, n


def _bin_centers(run: Shown) -> np.ndarray:
    """Return the centers of all bins, in percent."""
    bins = run.scores.calibration.bins
    return 100 * (np.arange(bins) + 0.5) / bins


def _ece(run: Shown) -> str:
    return f"ECE {numbers.percent(run.scores.calibration.ece, 1)}"


def _calibration_rows(run: Shown) -> Iterator[list[Any]]:
    confidence, accuracy, error, _ = _filled_bins(run)
    yield from point_rows([f"{run.plain_name}, {_ece(run)}"], confidence, accuracy, error)
    for center, count in zip(_bin_centers(run), run.scores.calibration.count, strict=True):
        yield [f"{run.plain_name}, {PREDICTIONS}", center, count, None]


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
    top = max(path.end for path in paths)
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(title=unit, fixedrange=True, range=[0, 1.32 * top])
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
