"""A figure and its files: PNG at three times the size on the screen, SVG, and its data as CSV.

Streamlit's own toolbar offers neither SVG nor data, and saves white on white in the dark theme.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from PIL import Image

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, style
from dashboard.components.window import is_narrow, type_scale
from dashboard.drawing.csv_rows import Rows
from dashboard.drawing.pictures import encoded

if TYPE_CHECKING:
    from dashboard.drawing.figures import Figure

HERE = Path(__file__).parent

_element = Part(
    "figure_files",
    '<div class="figure-files"><div class="figure-files-drawing"></div>'
    '<div class="figure-files-hidden" hidden></div>'
    '<div class="files" role="group" aria-label="Download this figure"></div></div>',
    style(HERE / "figure_files.css"),
    bundle(HERE / "figure_files.js"),
).element()


def show(figure: Figure, *, key: str, alt: str, on_click: Callable[[int], object] | None = None) -> None:
    """Show a Plotly figure, described by `alt`, with its files vitlab-`key`.png, .svg and .csv.

    In a narrow window, panels are from top to bottom, and a figure with a fixed aspect ratio is scrolled
    sideways. On a large screen, the figure is larger. A click on a point calls `on_click` with the index of
    its trace, before the script runs again.
    """
    from dashboard.drawing.enlarged import enlarged  # not above: the Overview page needs no pandas
    from dashboard.drawing.narrow import as_scrolled, is_scrolled, one_panel_a_row

    scrolled = is_narrow() and is_scrolled(figure.plot)
    if is_narrow():
        plot = as_scrolled(figure.plot) if scrolled else one_panel_a_row(figure.plot)
    else:
        plot = enlarged(figure.plot, type_scale())
    with st.container(key=f"figure_{key}", gap=None):
        with st.container(key=f"scrolled_{key}") if scrolled else nullcontext():
            _chart(plot, key, alt, on_click)
        data = {"figure": plot.to_json(), "rows": figure.rows, "name": key}
        _element(key=f"{key}_files", data=data)


def _chart(plot: Any, key: str, alt: str, on_click: Callable[[int], object] | None) -> None:
    from dashboard.drawing.figures import PLAIN

    if on_click is None:
        st.plotly_chart(plot, config=PLAIN, key=key, alt=alt)
        return

    def clicked() -> None:
        for point in st.session_state[key].selection.points[:1]:
            on_click(point["curve_number"])

    st.plotly_chart(plot, config=PLAIN, key=key, alt=alt, on_select=clicked, selection_mode="points")


def drawing(svg: str, rows: Rows, *, key: str) -> None:
    """Show an SVG drawing, which holds its own description, with its files."""
    _element(key=f"{key}_files", data={"drawing": svg, "rows": rows, "name": key})


def pictures(
    parts: Sequence[tuple[str, Image.Image, str]],
    rows: Rows,
    *,
    key: str,
    side: int = 320,
    columns: int = 4,
    foot: str = "",
) -> None:
    """Offer the files of pictures that a page lays out itself.

    Each part is (title above, picture, text below). In the PNG and SVG files, pictures are `side` pixels
    wide, in rows of `columns`, with `foot` below all.
    """
    shown = [(title, encoded(picture), words) for title, picture, words in parts]
    data = {"pictures": shown, "rows": rows, "name": key, "side": side, "columns": columns, "foot": foot}
    _element(key=f"{key}_files", data=data)


def map_rows(maps: dict[str, Any]) -> list[list[Any]]:
    """Return the CSV rows of maps [h, w] by name."""
    rows: list[list[Any]] = [["map", "row", "column", "value"]]
    for name, values in maps.items():
        for (row, column), value in np.ndenumerate(values):
            rows.append([name, row + 1, column + 1, float(f"{value:.6g}")])
    return rows
