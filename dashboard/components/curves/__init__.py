"""Curves that grow: a chart which keeps its zoom, its hidden curves and its place while new points arrive."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

import numpy as np
import streamlit as st

HERE = Path(__file__).parent
MOST_POINTS = 1500  # per curve; a screen has no more columns

_element = st.components.v2.component(
    "vitlab.curves",
    html='<div class="curves"></div>',
    css=(HERE / "curves.css").read_text(),
    js=(HERE / "curves.js").read_text(),
    isolate_styles=False,
)


class Series(TypedDict):
    """One curve: equally long lists, x rising."""

    name: str
    x: list[float]
    y: list[float]
    colour: str
    dash: str
    markers: bool
    group: str  # curves of one group are hidden together
    legend: bool


def series(
    name: str,
    x: np.ndarray,
    y: np.ndarray,
    colour: str,
    dash: str = "solid",
    *,
    markers: bool = False,
    group: str = "",
    legend: bool = True,
) -> Series:
    """A curve of arrays [N], thinned to what a screen can show; its last point is always kept."""
    if len(x) > MOST_POINTS:
        keep = np.unique(np.append(np.linspace(0, len(x) - 1, MOST_POINTS).round().astype(int), len(x) - 1))
        x, y = x[keep], y[keep]
    look = {"colour": colour, "dash": dash, "markers": markers, "group": group or name, "legend": legend}
    return Series(name=name, x=x.tolist(), y=y.tolist(), **look)


def curves(
    items: list[Series],
    *,
    key: str,
    view: str,
    x_title: str,
    y_title: str,
    percent: bool = False,
    height: int = 300,
) -> None:
    """Draw curves. The same `key` updates the chart in place; zoom and hidden curves stay while `view`
    stays.
    """
    data = {
        "series": items,
        "view": view,
        "x_title": x_title,
        "y_title": y_title,
        "percent": percent,
        "height": height,
        "base": st.get_option("server.baseUrlPath") or "",
    }
    _element(key=key, data=data, height=height)
