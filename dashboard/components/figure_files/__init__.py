"""A figure with what it takes to take it along: PNG (three times the screen's size), SVG, its data as CSV.

Streamlit's own bar has neither SVG nor data, and saves white on white in the dark theme.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from PIL import Image

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, style
from dashboard.drawing.figures import PLAIN
from dashboard.drawing.pictures import encoded
from dashboard.streamlit_internals import options

HERE = Path(__file__).parent
Rows = Sequence[Sequence[Any]]  # of a CSV file, the names of its columns first

_element = Part(
    '<div class="takeaway"><div class="takeaway-drawing"></div><div class="takeaway-hidden" hidden></div>'
    '<div class="files" role="group" aria-label="Download this figure"></div></div>',
    style(HERE / "figure_files.css"),
    bundle(HERE / "figure_files.js"),
).element("vitlab.takeaway")


def show(figure: go.Figure, *, key: str, alt: str) -> None:
    """A Plotly figure, in words `alt`, and its files: vitlab-`key`.png, .svg, .csv."""
    with st.container(key=f"figure_{key}", gap=None):
        st.plotly_chart(figure, config=PLAIN, key=key, alt=alt)
        base = options.base_path()
        _element(key=f"{key}_takeaway", data={"figure": figure.to_json(), "name": key, "base": base})


def drawing(svg: str, rows: Rows, *, key: str) -> None:
    """An SVG of our own, which says in words what it shows, and its files."""
    _element(key=f"{key}_takeaway", data={"drawing": svg, "rows": rows, "name": key})


def pictures(
    parts: Sequence[tuple[str, Image.Image, str]],
    rows: Rows,
    *,
    key: str,
    side: int = 320,
    columns: int = 4,
    foot: str = "",
) -> None:
    """The files of pictures that a page shows in its own way: (title, picture, words) of each, in rows of
    `columns`, each `side` pixels wide; `foot` stands below all.
    """
    shown = [(title, encoded(picture), words) for title, picture, words in parts]
    data = {"pictures": shown, "rows": rows, "name": key, "side": side, "columns": columns, "foot": foot}
    _element(key=f"{key}_takeaway", data=data)


def map_rows(maps: dict[str, Any]) -> list[list[Any]]:
    """CSV rows of maps [h, w] by name."""
    rows: list[list[Any]] = [["map", "row", "column", "value"]]
    for name, values in maps.items():
        for (row, column), value in np.ndenumerate(values):
            rows.append([name, row + 1, column + 1, float(f"{value:.6g}")])
    return rows
