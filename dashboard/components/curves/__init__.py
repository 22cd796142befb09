"""A chart of growing curves. It keeps its zoom and its hidden curves while new points arrive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, style
from dashboard.components.window import is_narrow, type_scale

HERE = Path(__file__).parent
FILES_ROW = 42  # pixels below a chart, for the buttons that save it
LEGEND_LINE, LEGEND_LINES = 22, 2  # pixels of a line, and the lines that fit into the height of a chart
MAX_POINTS = 1200  # per curve; a screen has no more columns

_element = Part(
    "curves",
    '<div class="curves-frame"><div class="curves"></div><div class="values" hidden></div>'
    '<button class="reset" type="button" hidden>Reset zoom</button>'
    '<div class="files" role="group" aria-label="Download this chart"></div></div>',
    style(HERE / "curves.css"),
    bundle(HERE / "curves.js"),
).element()


class Series(TypedDict):
    """One curve. `x` and `y` have the same length."""

    name: str
    x: list[float]
    y: list[float | None]  # None is a gap
    color: str
    dash: str
    markers: bool
    group: str  # curves of one group are hidden together
    legend: bool
    hover: bool  # whether the crosshair shows its value


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
    """Return a curve of the arrays [N], thinned to what a screen can show."""
    keep = thinned(y, MAX_POINTS)
    style = {"color": color, "dash": dash, "markers": markers, "group": group or name}
    return Series(name=name, x=x[keep].tolist(), y=_json_values(y[keep]), **style, legend=legend, hover=hover)


def _json_values(values: np.ndarray) -> list[float | None]:
    """Replace nan and infinity, which JSON does not have, by gaps."""
    if np.isfinite(values).all():
        return values.tolist()
    return [value if np.isfinite(value) else None for value in values.tolist()]


def thinned(values: np.ndarray, limit: int) -> np.ndarray:
    """Return the ascending indices of the points to draw, of values [N].

    They are the lowest and the highest point of each of limit/2 intervals, and the first and the last point,
    so that no spike is lost.
    """
    if len(values) <= limit:
        return np.arange(len(values))
    width = -(-2 * len(values) // limit)  # points per interval
    rows = np.pad(values, (0, -len(values) % width), mode="edge").reshape(-1, width)
    finite = np.isfinite(rows)  # nan is not an extreme
    lowest = np.where(finite, rows, np.inf).argmin(axis=1)
    highest = np.where(finite, rows, -np.inf).argmax(axis=1)
    starts, ends = np.arange(len(rows)) * width, [0, len(values) - 1]
    keep = np.concatenate([starts + lowest, starts + highest, ends])
    return np.unique(keep.clip(max=len(values) - 1))


def legend_height(items: Sequence[Series]) -> int:
    """Return the pixels that a narrow chart needs in addition for its legend, which has an entry a line."""
    return LEGEND_LINE * max(0, sum(item["legend"] for item in items) - LEGEND_LINES)


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
    empty: str = "",
) -> None:
    """Draw curves, or the sentence `empty` if there are no points.

    The same `key` updates the chart in place. Zoom and hidden curves stay while `view` stays the same.
    `best`: marked points. `log`: use a logarithmic y-axis. `height`: in pixels, for a normal window.
    """
    scale = type_scale()
    height = round(height * scale) + (legend_height(items) if is_narrow() else 0)
    data = {
        "series": items,
        "best": list(best),
        "view": f"{view} {'log' if log else ''}",
        "x_title": x_title,
        "y_title": y_title,
        "percent": percent,
        "log": log,
        "height": height,
        "empty": empty,
        "scale": scale,
    }
    _element(key=key, data=data, height=height + round(FILES_ROW * scale))
