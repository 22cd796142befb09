"""Figures for large screens: larger type, lines and markers. No Streamlit."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

TICKS = 12  # pixels: Streamlit's size of texts for which a figure sets none
LENGTHS = {"height", "standoff", "thickness", "xshift", "yshift"}
SIZED = ("font", "marker")  # their `size` is a length; that of a bin, for example, is not


def enlarged(plot: go.Figure, scale: float) -> go.Figure:
    """Return a copy of a figure with all lengths in pixels multiplied by `scale`. The width is not set."""
    if scale == 1:
        return plot
    copy: Any = go.Figure(plot)
    for axis in (*copy.select_xaxes(), *copy.select_yaxes()):
        axis.tickfont.size = axis.tickfont.size or TICKS
    copy.layout.legend.font.size = copy.layout.legend.font.size or TICKS
    copy.layout.hoverlabel.font.size = copy.layout.hoverlabel.font.size or TICKS
    return go.Figure(_scaled(copy.to_plotly_json(), scale, ""))


def _scaled(value: Any, scale: float, parent: str) -> Any:
    """Return a part of a figure with its lengths multiplied. `parent` is the key that holds the part."""
    if isinstance(value, list | tuple):
        return [_scaled(item, scale, parent) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _times(item, scale) if _is_length(parent, key) else _scaled(item, scale, key)
        for key, item in value.items()
    }


def _is_length(parent: str, key: str) -> bool:
    if key == "size":
        return parent.endswith(SIZED)
    return (
        key in LENGTHS
        or (parent == "margin" and key in ("l", "r", "t", "b"))
        or (parent, key) == ("line", "width")
    )


def _times(value: Any, scale: float) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value * scale
    if isinstance(value, list | tuple):
        return [_times(item, scale) for item in value]
    return value
