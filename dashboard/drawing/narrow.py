"""Figures for narrow windows: one panel a row. No Streamlit."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

TITLE, TICKS, SLANTED = 34, 50, 54  # pixels between panels: for a title, an axis, and slanted tick labels
LINE = 18  # pixels of a further line of a title
SCROLLED = 900  # pixels: width of a figure that is scrolled sideways, also in style/screens.css
LEGEND_LINE = 19  # pixels of an entry, which takes a line of its own in a narrow window


def one_panel_a_row(plot: go.Figure) -> go.Figure:
    """Return a copy of a figure with its panels from top to bottom, and no errors in the cells of heatmaps.

    Each panel keeps its height, and the figure grows. A figure of one column keeps its layout.
    """
    made: Any = go.Figure(plot)
    if surfaces := list(made.select_traces({"type": "surface"})):
        return _one_scene_a_row(made, [made.layout[surface.scene] for surface in surfaces])
    for trace in made.select_traces({"type": "heatmap"}):
        trace.update(texttemplate=(trace.texttemplate or "").partition(" ±")[0])
    panels = _panels(made)
    if len({x for x, _ in panels.values()}) < 2 or not made.layout.height:
        return made
    margin, above = made.layout.margin, _title_height(made)
    entries = sum(bool(trace.showlegend) for trace in made.data) if made.layout.showlegend else 0
    top = max(margin.t or 0, above + LEGEND_LINE * entries)
    plotted = made.layout.height - (margin.t or 0) - (margin.b or 0)
    slanted = any(axis.tickangle for axis in made.select_xaxes())
    gap = above + TICKS + (SLANTED if slanted else 0)
    tall = [plotted * (y[1] - y[0]) for _, y in panels.values()]
    bottom = max(margin.b or 0, TICKS + (SLANTED if slanted else 0))
    total, upper = sum(tall) + gap * (len(tall) - 1), 0.0
    for (name, (x, y)), height in zip(panels.items(), tall, strict=True):
        domain = (max(0.0, 1 - (upper + height) / total), 1 - upper / total)
        _move_title(made, name, x, y, domain)
        made.layout["xaxis" + name].update(domain=(0, 1), anchor="y" + name, showticklabels=True)
        made.layout["yaxis" + name].update(domain=domain, anchor="x" + name, showticklabels=True)
        for trace in made.select_traces(lambda trace: trace.type in ("heatmap", "contour")):
            if (trace.yaxis or "y") == "y" + name and trace.showscale is not False:
                trace.update(colorbar={"len": height, "lenmode": "pixels", "y": sum(domain) / 2})
        upper += height + gap
    made.update_layout(height=round(total + top + bottom), margin={"t": top, "b": bottom})
    return made


def _one_scene_a_row(made: Any, scenes: list[Any]) -> go.Figure:
    """Place the scenes of a figure of surfaces from top to bottom, each below its title."""
    count, margin, above = len(scenes), made.layout.margin, _title_height(made)
    high = made.layout.height - (margin.t or 0) - (margin.b or 0)
    total = count * high + (count - 1) * above
    for index, (scene, title) in enumerate(zip(scenes, made.layout.annotations, strict=True)):
        upper = 1 - index * (high + above) / total
        scene.domain = {"x": (0, 1), "y": (max(0.0, upper - high / total), upper)}
        title.update(x=0.5, y=upper)
    made.update_layout(height=round(total + (margin.t or 0) + (margin.b or 0)))
    return made


def _title_height(made: Any) -> int:
    """Return the pixels for the title of a panel, as many as the one with the most lines needs."""
    titles = [note.text or "" for note in made.layout.annotations if note.yref == "paper"]
    return TITLE + LINE * max((title.count("<br>") for title in titles), default=0)


def is_scrolled(plot: go.Figure) -> bool:
    """Return whether a figure has equal units on both axes. In a narrow window it would be too small."""
    return plot.layout.yaxis.scaleanchor is not None


def as_scrolled(plot: go.Figure) -> go.Figure:
    """Return a copy of a figure with equal units on both axes, with its height at the width `SCROLLED`."""
    made: Any = go.Figure(plot)
    left, right = made.layout.xaxis.range
    bottom, top = made.layout.yaxis.range
    margin = made.layout.margin
    width = SCROLLED - (margin.l or 0) - (margin.r or 0)
    height = width * abs(top - bottom) / abs(right - left)
    made.update_layout(height=round(height + (margin.t or 0) + (margin.b or 0)))
    return made


def _panels(plot: Any) -> dict[str, tuple[Any, Any]]:
    """Return the domains (x, y) of the panels by the number of their axes ("" for the first), row by row."""
    numbers = dict.fromkeys((trace.xaxis or "x")[1:] for trace in plot.data if "xaxis" in trace)
    found = {
        number: (plot.layout["xaxis" + number].domain, plot.layout["yaxis" + number].domain)
        for number in numbers
        if plot.layout["xaxis" + number].domain and plot.layout["yaxis" + number].domain
    }
    return dict(sorted(found.items(), key=lambda item: (-item[1][1][0], item[1][0][0])))


def _move_title(made: Any, name: str, x: Any, y: Any, domain: tuple[float, float]) -> None:
    """Move the title of a panel, which is above its left edge or its center."""
    for note in made.layout.annotations:
        own = note.xref == f"x{name} domain" or (note.xref == "paper" and x[0] <= note.x <= x[1])
        if note.yref == "paper" and own and abs(note.y - y[1]) < 1e-6 and not note.name:
            note.update(x=0, xref=f"x{name} domain", xanchor="left", y=domain[1], name="moved")
            return
