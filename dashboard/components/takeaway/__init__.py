"""A figure with what it takes to take it along: PNG (three times the screen's size), SVG, its data as CSV.

Streamlit's own bar has neither SVG nor data, and saves white on white in the dark theme.
"""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from dashboard.components.packing import Part, script
from dashboard.figures import PLAIN

HERE = Path(__file__).parent

_element = Part(
    '<div class="takeaway" role="group" aria-label="Download this figure"></div>',
    (HERE / "takeaway.css").read_text(),
    script(HERE / "takeaway.js"),
).element("vitlab.takeaway")


def show(figure: go.Figure, *, key: str, alt: str) -> None:
    """A Plotly figure, in words `alt`, and its files: vitlab-`key`.png, .svg, .csv."""
    with st.container(key=f"figure_{key}", gap=None):
        st.plotly_chart(figure, config=PLAIN, key=key, alt=alt)
        base = st.get_option("server.baseUrlPath") or ""
        _element(key=f"{key}_takeaway", data={"figure": figure.to_json(), "name": key, "base": base})
