"""Plotly figures of the loss on a plane: contours, a slice, and surfaces. Pure functions.

The models of a figure share their axes and one logarithmic scale.
"""

from __future__ import annotations

import html
import itertools
import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.drawing.csv_rows import ERROR, matrix_rows, point_rows, table
from dashboard.drawing.figures import COLORSCALE, Figure, apply_layout
from dashboard.drawing.narrow import LINE
from dashboard.inductive_bias.figures import FILES, GRAY, PANEL, axis, draw_line, with_legend
from dashboard.inductive_bias.lines import Line
from vitcore.probes.shapes import Landscape

FIRST, SECOND = "first direction", "second direction"
FEWEST = 3  # ticks of an axis of losses
LINES = 14  # contour lines from the smallest to the largest value
TITLE_WIDTH = 32  # characters of a line of a name, which fit on a phone, and side by side on a tablet
EYE = {"x": 1.25, "y": -1.25, "z": 0.75}  # from where the surfaces are seen
GRID, TEXT = "#9a9a9a", "#888888"  # visible in the light and in the dark theme


def contours(lines: Sequence[Line[Landscape]]) -> Figure:
    """Draw the plane of each model, side by side, with a cross at the model's weights."""
    low, high = _range(lines)
    titles = [_title(line) for line in lines]
    figure = make_subplots(1, len(lines), subplot_titles=titles, horizontal_spacing=0.09)
    for column, line in enumerate(lines, start=1):
        mean, error = np.array(line.values.table.mean, float), np.array(line.values.table.error, float)
        last = column == len(lines)
        figure.add_contour(
            z=np.log10(mean),
            x=line.values.positions,
            y=line.values.positions,
            zmin=low,
            zmax=high,
            contours={"start": low, "end": high, "size": (high - low) / LINES},
            line={"width": 0.6, "color": "rgba(255,255,255,0.55)"},
            colorscale=COLORSCALE,
            customdata=np.stack([mean, error], axis=-1),
            name=line.shown,
            showscale=last,
            colorbar=_color_bar(low, high, line.values.quantity) if last else None,
            hovertemplate=f"{line.shown} at %{{x:.2f}}, %{{y:.2f}}: %{{customdata[0]:.3g}} ± "
            "%{customdata[1]:.2g}<extra></extra>",
            row=1,
            col=column,
        )
        figure.add_scatter(
            x=[0],
            y=[0],
            mode="markers",
            marker={"symbol": "cross-thin", "size": 12, "line": {"width": 2, "color": "#ffffff"}},
            hoverinfo="skip",
            row=1,
            col=column,
        )
        axis(figure, FIRST, SECOND if column == 1 else "", row=1, col=column)
    figure.update_annotations(font_size=14)
    rows = (row for line in lines for row in _cells(line))
    return Figure(
        apply_layout(figure, PANEL + 130 + FILES, l=52, t=_above(titles), b=44 + FILES),
        table(["series", FIRST, SECOND, lines[0].values.quantity, ERROR], rows),
    )


def slices(lines: Sequence[Line[Landscape]]) -> Figure:
    """Draw the values along the first direction, on a logarithmic axis, with standard errors."""
    figure = make_subplots(1, 1)
    quantity, rows, seen = lines[0].values.quantity, [], []
    for line in lines:
        x, found = list(line.values.positions), line.values.table
        middle = len(x) // 2
        mean, error = np.array(found.mean[middle], float), np.array(found.error[middle], float)
        lowest = float(np.nanmin(mean)) / 10  # a logarithmic axis has no place for a band that reaches zero
        draw_line(figure, line, x, mean, error, name=_entry(line), lowest=lowest)
        seen.extend([np.maximum(mean - error, lowest), mean + error])
        rows.extend(point_rows([line.label], x, mean, error))
    axis(figure, FIRST, quantity)
    values, texts = ticks(*_log_range(seen))
    figure.update_yaxes(type="log", tickvals=[10**value for value in values], ticktext=texts)
    figure.add_vline(0, line=GRAY)
    further = sum(_entry(line).count("<br>") for line in lines)  # lines of the legend
    return Figure(
        with_legend(apply_layout(figure, PANEL + 20 + LINE * further, l=52, r=8, t=30, b=44)),
        table(["series", FIRST, quantity, ERROR], rows),
    )


def surfaces(lines: Sequence[Line[Landscape]]) -> Figure:
    """Draw the plane of each model as a surface, side by side, seen from the same place."""
    low, high = _range(lines)
    count, figure, titles = len(lines), go.Figure(), [_title(line) for line in lines]
    for index, line in enumerate(lines):
        mean, positions = np.array(line.values.table.mean, float), list(line.values.positions)
        name = f"scene{index + 1 if index else ''}"
        figure.add_surface(
            z=mean,
            x=positions,
            y=positions,
            surfacecolor=np.log10(mean),
            cmin=low,
            cmax=high,
            colorscale=COLORSCALE,
            showscale=False,
            name=line.shown,
            scene=name,
            hovertemplate=f"{line.shown} at %{{x:.2f}}, %{{y:.2f}}: %{{z:.3g}}<extra></extra>",
        )
        domain = (index / count, (index + 1) / count)
        figure.update_layout({name: _scene(line, low, high, domain)})
        figure.add_annotation(
            text=titles[index],
            x=sum(domain) / 2,
            xref="paper",
            xanchor="center",  # else Plotly moves a title towards the middle of the figure
            y=1,
            yref="paper",
            yanchor="bottom",
            showarrow=False,
            font={"size": 14},
        )
    rows = (row[:-1] for line in lines for row in _cells(line))
    return Figure(
        apply_layout(figure, PANEL + 50 + FILES, t=_above(titles), b=FILES),
        table(["series", FIRST, SECOND, lines[0].values.quantity], rows),
    )


def _title(line: Line[Landscape]) -> str:
    """Return the name of a model in lines that fit above its plane, without the end of a very long one."""
    parts = textwrap.wrap(line.label, TITLE_WIDTH, max_lines=3, placeholder=" …")
    return "<br>".join(map(html.escape, parts))


def _entry(line: Line[Landscape]) -> str:
    """Return the whole name of a model in the lines of a legend, which has one entry for equal names."""
    return "<br>".join(map(html.escape, textwrap.wrap(line.label, TITLE_WIDTH)))


def _above(titles: Sequence[str]) -> int:
    """Return the pixels above the planes for their titles."""
    return 30 + LINE * max(title.count("<br>") for title in titles)


def _scene(line: Line[Landscape], low: float, high: float, domain: tuple[float, float]) -> dict[str, Any]:
    style = {
        "showbackground": False,
        "gridcolor": GRID,
        "zerolinecolor": GRID,
        "linecolor": GRID,
        "tickfont": {"size": 11, "color": TEXT},
        "showspikes": False,
    }

    def titled(text: str) -> dict[str, Any]:
        return {"text": text, "font": {"size": 12, "color": TEXT}}

    values, texts = ticks(low, high)
    return {
        "domain": {"x": domain, "y": (0, 1)},
        "xaxis": {**style, "title": titled("first"), "dtick": 0.5},
        "yaxis": {**style, "title": titled("second"), "dtick": 0.5},
        "zaxis": {
            **style,
            "title": titled(line.values.quantity),
            "type": "log",
            "range": (low, high),
            "tickvals": [10**value for value in values],
            "ticktext": texts,
        },
        "aspectmode": "manual",
        "aspectratio": {"x": 1, "y": 1, "z": 0.7},
        "camera": {"eye": EYE, "center": {"x": 0, "y": 0, "z": -0.18}},
        "dragmode": "turntable",
    }


def _cells(line: Line[Landscape]) -> Iterator[list[Any]]:
    x = line.values.positions
    return matrix_rows([line.label], x, x, line.values.table.mean, line.values.table.error)


def _range(lines: Sequence[Line[Landscape]]) -> tuple[float, float]:
    """Return log10 of the smallest and of the largest finite value of all models."""
    return _log_range([line.values.table.mean for line in lines])


def _log_range(values: Sequence[Any]) -> tuple[float, float]:
    logs = np.log10(np.array(values, float))
    finite = logs[np.isfinite(logs)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return (low, high) if high - low > 1e-3 else (low - 0.5, high + 0.5)


def ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Return log10 of at least three round numbers between two powers of ten, and the numbers as text."""
    first, last = 10**low, 10**high
    powers = range(math.floor(low), math.ceil(high) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5)):
        found = _between(first, last, [digit * 10.0**power for power in powers for digit in digits])
        if len(found) >= FEWEST:
            break
    else:  # a small range, where equal steps are rounder
        found = next(
            part for step in _steps(last - first) if len(part := _multiples(first, last, step)) >= FEWEST
        )
    return [math.log10(value) for value in found], [f"{value:,.6g}" for value in found]


def _between(first: float, last: float, values: Iterable[float]) -> list[float]:
    tolerance = 1e-9 * last
    return [value for value in values if first - tolerance <= value <= last + tolerance]


def _multiples(first: float, last: float, step: float) -> list[float]:
    numbers = range(math.floor(first / step), math.ceil(last / step) + 1)
    return _between(first, last, [number * step for number in numbers])


def _steps(span: float) -> Iterator[float]:
    """Yield round numbers from a span downward."""
    for power in itertools.count(math.ceil(math.log10(span)), -1):
        yield from (digit * 10.0**power for digit in (5, 2, 1))


def _color_bar(low: float, high: float, quantity: str) -> dict[str, Any]:
    values, texts = ticks(low, high)
    return {"title": {"text": quantity}, "thickness": 12, "tickvals": values, "ticktext": texts}
