"""Plotly figures of sweeps, made of the rows of `vitcore.sweeps.results`. Pure functions: no files."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.drawing import theme
from dashboard.drawing.csv_rows import ERROR, Rows, point_rows, table
from dashboard.drawing.figures import Figure, apply_layout, in_percent
from dashboard.shared import drawable
from dashboard.sweeps.sample_curves import passes
from vitcore import numbers
from vitcore.sweeps.results import SamplePoint, Score, StudyPoint

COLUMNS = 4  # maximum number of panels side by side
TICKS = 13  # font size of the tick labels
WIDEST = 280  # pixels for the names of lines
HIGHEST = 104  # percent, the longest axis of accuracies, which shows complete markers at 100 %
LABEL_GAP = 0.055  # minimum distance of two labels, as a fraction of the axis
ACCURACY = "test accuracy, %"
S = TypeVar("S", bound=Score)


def sample_efficiency(rows: Sequence[SamplePoint], *, height: int = 400) -> Figure:
    """Draw test accuracy (percent) against the number of training images, on a log axis: one line per
    architecture, labeled at its end, with bars of one standard error, and a dotted line at chance. `rows` are
    those of `sample_curve`.

    If the number of images is unknown or impossible for any row, the axis is their share in percent. `rows`
    with a share far below all others are left out (`drawn_shares`).
    """
    figure = go.Figure()
    rows, _ = drawn_shares(rows)
    counted = all(row["images"] for row in rows) and _alike([row["images"] or 1 for row in rows])
    lines: dict[tuple, list[SamplePoint]] = {}
    for row in rows:
        key = (row["model"], row["data"], row["label"], row["steps"], row["batch_size"], row["recipe"])
        lines.setdefault(key, []).append(row)
    several = len(lines) > len({key[2] for key in lines})
    ends: list[tuple[float, float, str, str]] = []
    data: list[list[Any]] = []
    styles = theme.run_styles([key[0] for key in lines])
    for (key, points), (color, dash) in zip(lines.items(), styles, strict=True):
        done, percent, error = _finished(points)
        if not done:
            continue
        x = [_x_value(row, counted) for row in done]
        name = done[0]["label"] + (f", {key[1]}, {key[3]:,} steps" if several and key[3] else "")
        figure.add_scatter(
            x=x,
            y=percent,
            error_y=_bars(error, color),
            mode="lines+markers",
            line={"color": color, "width": 2.5, "dash": dash},
            marker={"size": 8, "opacity": 1},
            name=html.escape(name),
            customdata=[[_images(row), _describe(row)] for row in done],
            hovertemplate=f"<b>{html.escape(name)}</b>, %{{customdata[0]}}<br>"
            "%{customdata[1]}<extra></extra>",
        )
        ends.append((math.log10(x[-1]), percent[-1], name, color))
        data.extend(point_rows([name], x, percent, error))
    ticks = sorted({_x_value(row, counted) for row in rows})
    top = max((y for _, y, _, _ in ends), default=0.0)
    _, percent, error = _finished(rows)
    tops = [mean + (e or 0.0) for mean, e in zip(percent, error, strict=True)]
    limit = min(HIGHEST, 10 * math.ceil((max([top, *tops]) + 4) / 10)) or 100.0
    _label(figure, ends, limit)
    chance_levels = {row["chance"] for row in rows if row["chance"]}
    for chance in chance_levels:
        figure.add_hline(y=100 * chance, line={"color": theme.OTHER, "dash": "dot", "width": 1.5})
        figure.add_annotation(
            x=math.log10(ticks[0]),
            y=100 * chance,
            text=f"chance {numbers.chance(chance)}",
            showarrow=False,
            xanchor="left",
            yanchor="bottom",
            font={"color": theme.OTHER, "size": 13},
        )
    texts = {_x_value(row, counted): _tick(row, counted) for row in rows}
    edge = (math.log10(ticks[-1] / ticks[0]) if len(ticks) > 1 else 1.0) or 1.0
    figure.update_xaxes(
        type="log",
        tickvals=ticks,
        ticktext=[texts[tick] for tick in ticks],
        range=[math.log10(ticks[0]) - 0.06 * edge, math.log10(ticks[-1]) + 0.04 * edge],
        title={"text": "training images (log scale)", "font": {"size": 13}},
        fixedrange=True,
        showgrid=True,
        tickfont={"size": TICKS},
    )
    figure.update_yaxes(
        range=[0, limit],
        ticksuffix=" %",
        title={"text": "test accuracy", "font": {"size": 13}},
        fixedrange=True,
        tickfont={"size": TICKS},
    )
    x_name = "training images" if counted else "share of the training images, %"
    return Figure(
        apply_layout(figure, height, l=8, r=_margin([name for _, _, name, _ in ends]), t=8, b=60),
        table(["series", x_name, ACCURACY, ERROR], data),
    )


def _margin(names: Sequence[str]) -> int:
    """Return the pixels to the right of a figure for the names at the ends of its lines."""
    return min(WIDEST, max(104, 20 + 8 * max(map(len, names), default=0)))


def drawn_shares(rows: Sequence[SamplePoint]) -> tuple[list[SamplePoint], list[SamplePoint]]:
    """Return the rows that `sample_efficiency` draws, and those whose share is far below all others."""
    smallness = np.array([1 / row["share"] for row in rows])
    near = drawable.within(smallness, drawable.reach([smallness]))
    if not near.any():
        return list(rows), []
    kept = [row for row, drawn in zip(rows, near, strict=True) if drawn]
    return kept, [row for row, drawn in zip(rows, near, strict=True) if not drawn]


def _alike(counts: Sequence[int]) -> bool:
    """Return whether no count is so far beyond the others that it would squeeze a chart."""
    return max(counts) <= drawable.FAR * min(counts)


def study_panels(rows: Sequence[StudyPoint], *, panel_height: int = 250) -> Figure:
    """Draw test accuracy (percent) against each setting, a panel per setting, all with one y axis. The base
    is a diamond in every panel, and bars are one standard error. `rows` are those of `study_rows`.

    Values without a result show their state instead. The y axis spans the results, not 0 to 100.
    """
    names = list(dict.fromkeys(row["setting"] for row in rows))
    panels = {name: [row for row in rows if row["setting"] == name] for name in names}
    columns = min(COLUMNS, len(names))
    count = math.ceil(len(names) / columns)
    height = panel_height * count + 26
    figure = make_subplots(
        rows=count,
        cols=columns,
        shared_yaxes=True,
        horizontal_spacing=0.025,
        vertical_spacing=min(0.9, 70 / height) if count > 1 else 0.0,
        subplot_titles=[f"<b>{panels[name][0]['title']}</b>" for name in names],
    )
    low, high = _span(rows)
    for index, name in enumerate(names):
        position: dict[str, Any] = {"row": index // columns + 1, "col": index % columns + 1}
        points = panels[name]
        color = theme.hue(points[0]["model"])
        done, percent, error = _finished(points)
        ordered = all(isinstance(row["value"], int | float) for row in points)
        figure.add_scatter(
            x=[row["text"] for row in done],
            y=percent,
            error_y=_bars(error, color),
            mode="lines+markers" if ordered else "markers",
            line={"color": color, "width": 2},
            marker={
                "color": color,
                "opacity": 1,
                "size": [12 if row["base"] else 8 for row in done],
                "symbol": ["diamond" if row["base"] else "circle" for row in done],
            },
            customdata=[["base, " if row["base"] else "", _describe(row)] for row in done],
            hovertemplate=f"{points[0]['title']} %{{x}}<br>"
            + "%{customdata[0]}%{customdata[1]}<extra></extra>",
            **position,
        )
        waiting = [row for row in points if row["mean"] is None]
        figure.add_scatter(
            x=[row["text"] for row in waiting],
            y=[low + 0.04 * (high - low)] * len(waiting),
            text=[row["state"] for row in waiting],
            mode="text",
            textfont={"color": theme.OTHER, "size": 12},
            hoverinfo="skip",
            **position,
        )
        order = [row["text"] for row in points]
        figure.update_xaxes(
            type="category",
            categoryorder="array",
            categoryarray=order,
            range=[-0.5, len(order) - 0.5],
            fixedrange=True,
            showgrid=False,
            tickfont={"size": TICKS},
            **position,
        )
    figure.update_yaxes(range=[low, high], ticksuffix=" %", fixedrange=True, tickfont={"size": TICKS})
    figure.update_yaxes(title={"text": "test accuracy", "font": {"size": 13}}, col=1)
    figure.update_annotations(font={"size": 14})
    figure = apply_layout(figure, height, l=8, r=8, t=30, b=46)  # with room for the download buttons
    return Figure(figure, _study_table([row for points in panels.values() for row in points]))


def _study_table(rows: Sequence[StudyPoint]) -> Rows:
    """Return the CSV rows of a study, with the state of each value unless all have a result."""
    columns = ["panel", "series", "value", ACCURACY, ERROR]
    if any(row["mean"] is None for row in rows):
        columns.append("state")
    cells = (
        [
            row["title"],
            row["title"],
            row["text"],
            in_percent(row["mean"]),
            in_percent(row["error"]),
            row["state"],
        ]
        for row in rows
    )
    return table(columns, (line[: len(columns)] for line in cells))


def _x_value(row: SamplePoint, counted: bool) -> float:
    """Return the number of images of a point if `counted`, or else their share in percent."""
    return float(row["images"] or 1) if counted else 100 * row["share"]


def _tick(row: SamplePoint, counted: bool) -> str:
    share = numbers.chosen_share(row["share"])
    return f"{row['images']:,}<br>{share}" if counted else share


def _images(row: SamplePoint) -> str:
    """Return the images of a point, and how often its training saw each, for the hover text."""
    count = f"{row['images']:,} images, " if row["images"] else ""
    seen = passes(row)
    often = f"<br>each seen {seen:.1f} times in {row['steps']:,} steps" if seen else ""
    return f"{count}{numbers.chosen_share(row['share'])}{often}"


def _finished(rows: Sequence[S]) -> tuple[list[S], list[float], list[float | None]]:
    """Return the rows that have a result, their accuracies and their standard errors, both in percent."""
    done = [(row, mean) for row in rows if (mean := row["mean"]) is not None]
    return (
        [row for row, _ in done],
        [100 * mean for _, mean in done],
        [in_percent(row["error"]) for row, _ in done],
    )


def _bars(errors: list[float | None], color: str) -> dict[str, Any]:
    lengths = [error or 0.0 for error in errors]
    return {"type": "data", "array": lengths, "thickness": 1.5, "width": 5, "color": color}


def _describe(row: Score) -> str:
    """Return the result of a row for the hover text."""
    error = f" ± {100 * row['error']:.1f}" if row["error"] is not None else ""
    seeds = f"seed {row['seeds'][0]}" if len(row["seeds"]) == 1 else f"{len(row['seeds'])} seeds"
    count = f", {numbers.sample(row['n_test'])}" if row["n_test"] else ""
    error_of = f"<br>standard error over {row['error_of']}" if row["error_of"] else ""
    return f"{in_percent(row['mean']):.1f}{error} %, {seeds}{count}{error_of}"


def _span(rows: Sequence[Score]) -> tuple[float, float]:
    """Return the range of the y axis, in percent: all results with their bars, at least six points wide."""
    _, percent, error = _finished(rows)
    ends = [mean + sign * (e or 0.0) for mean, e in zip(percent, error, strict=True) for sign in (-1, 1)]
    if not ends:
        return 0.0, 100.0
    low, high = min(ends), max(ends)
    spare = max(0.12 * (high - low), (6 - (high - low)) / 2, 0.5)
    return max(0.0, low - spare), min(100.0, high + spare)


def _label(figure: go.Figure, ends: list[tuple[float, float, str, str]], limit: float) -> None:
    """Write each name at the end of its line. Move the names apart where they would overlap.

    They move up, or down from the upper end of the axis, beyond which Plotly draws no name.
    """
    gap = LABEL_GAP * limit
    ends = sorted(ends, key=lambda end: end[1])
    places: list[float] = []
    for _, y, _, _ in ends:
        places.append(max(y, places[-1] + gap) if places else y)
    above = limit + gap
    for i in reversed(range(len(places))):
        above = places[i] = min(places[i], above - gap)
    for (x, _, name, color), label_y in zip(ends, places, strict=True):
        figure.add_annotation(
            x=x,
            y=label_y,
            text=f"<b>{html.escape(name)}</b>",
            showarrow=False,
            xanchor="left",
            xshift=10,
            font={"color": color, "size": 14},
        )
