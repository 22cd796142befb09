"""Curves that grow: a chart which keeps its zoom, its hidden curves and its place while new points arrive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, style
from dashboard.streamlit_internals import options

HERE = Path(__file__).parent
MOST_POINTS = 1200  # per curve; a screen has no more columns

_element = Part(
    '<div class="curves-frame"><div class="curves"></div>'
    '<div class="files" role="group" aria-label="Download this chart"></div></div>',
    style(HERE / "curves.css"),
    bundle(HERE / "curves.js"),
).element("vitlab.curves")


class Series(TypedDict):
    """One curve: equally long lists."""

    name: str
    x: list[float]
    y: list[float]
    color: str
    dash: str
    markers: bool
    group: str  # curves of one group are hidden together
    legend: bool
    hover: bool  # whether the crosshair reads it


class Best(TypedDict):
    """A marked point."""

    x: float
    y: float
    text: str
    color: str
    group: str


def series(
    name: str,
    x: np.ndarray,
    y: np.ndarray,
    color: str,
    dash: str = "solid",
    *,
    markers: bool = False,
    group: str = "",
    legend: bool = True,
    hover: bool = True,
) -> Series:
    """A curve of arrays [N], thinned to what a screen can show."""
    keep = thinned(y, MOST_POINTS)
    look = {"color": color, "dash": dash, "markers": markers, "group": group or name}
    return Series(name=name, x=x[keep].tolist(), y=_plain(y[keep]), **look, legend=legend, hover=hover)


def _plain(values: np.ndarray) -> list[float | None]:
    """JSON knows no nan and no infinity: a gap."""
    if np.isfinite(values).all():
        return values.tolist()
    return [value if np.isfinite(value) else None for value in values.tolist()]


def thinned(values: np.ndarray, most: int) -> np.ndarray:
    """Which points to draw: the lowest and the highest of each of most/2 stretches, the first and the last,
    so that no spike is lost. [N] -> indices, rising
    """
    if len(values) <= most:
        return np.arange(len(values))
    width = -(-2 * len(values) // most)  # points of a stretch
    rows = np.pad(values, (0, -len(values) % width), mode="edge").reshape(-1, width)
    finite = np.isfinite(rows)  # what is not a number is no extreme
    lowest = np.where(finite, rows, np.inf).argmin(axis=1)
    highest = np.where(finite, rows, -np.inf).argmax(axis=1)
    begin, ends = np.arange(len(rows)) * width, [0, len(values) - 1]
    keep = np.concatenate([begin + lowest, begin + highest, ends])
    return np.unique(keep.clip(max=len(values) - 1))


def curves(
    items: list[Series],
    *,
    key: str,
    view: str,
    x_title: str,
    y_title: str,
    percent: bool = False,
    log: bool = False,
    best: Sequence[Best] = (),
    height: int = 300,
) -> None:
    """Draw curves. The same `key` updates the chart in place; zoom and hidden curves stay while `view`
    stays. `best` are marked points; with `log` the y-axis is logarithmic.
    """
    data = {
        "series": items,
        "best": list(best),
        "view": f"{view} {'log' if log else ''}",
        "x_title": x_title,
        "y_title": y_title,
        "percent": percent,
        "log": log,
        "height": height,
        "base": options.base_path(),
    }
    _element(key=key, data=data, height=height)
