"""Plotly figures of the accuracy per class and of calibration. Pure functions without files or models."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.drawing.csv_rows import ERROR, point_rows, table
from dashboard.drawing.figures import Figure, apply_layout
from vitcore import numbers
from vitcore.probes.score_values import TestScores

FEW = 10  # a bin with fewer predictions has an open marker
PREDICTIONS = "number of predictions"


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
    shown_names = [html.escape(name) for name in sorted_names]
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
                text=shown_names,
                mode="markers",
                name=run.name,
                marker={"color": run.color, "size": 10, "symbol": _symbol(run.dash)},
                hovertemplate="%{text}: %{x:.1f} ± %{customdata[0]:.1f} %, n = %{customdata[1]:,}",
            )
        )
    figure.update_xaxes(title="accuracy in %, with its standard error", fixedrange=True)
    figure.update_yaxes(
        tickvals=list(range(len(order))),
        ticktext=shown_names,
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
    )
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
