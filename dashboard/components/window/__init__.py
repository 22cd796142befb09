"""The size of the browser's window, for what CSS cannot lay out, such as figures."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part

KEY = "window_size"
_element = Part("window", "<i hidden></i>", "", bundle(Path(__file__).parent / "window.js")).element()


def observe() -> None:
    """Mount the observer, which runs the page again when the window becomes narrow, normal or large."""
    data = {"narrow": is_narrow(), "scale": type_scale()}
    with st.container(key="window"):  # takes no space
        _element(key=KEY, data=data, on_narrow_change=_store, on_scale_change=_store)


def is_narrow() -> bool:
    """Return whether the window is narrower than 600 pixels. It counts as wide until the browser answers."""
    return bool(st.session_state.get("narrow_window"))


def type_scale() -> float:
    """Return the size of the type relative to that of a normal window: 1, 1.25, 1.5 or 1.75."""
    return float(st.session_state.get("window_scale", 1.0))


def _store() -> None:
    """Store what the browser sent."""
    sent = st.session_state.get(KEY) or {}
    if sent.get("narrow") is not None:
        st.session_state.narrow_window = bool(sent["narrow"])
    if sent.get("scale") is not None:
        st.session_state.window_scale = float(sent["scale"])
