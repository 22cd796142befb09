"""Whether the browser's window is as narrow as a phone, for what CSS cannot lay out, such as figures."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part

KEY = "window_size"
_element = Part("<i hidden></i>", "", bundle(Path(__file__).parent / "window.js")).element("vitlab.window")


def observe() -> None:
    """Mount the observer, which runs the page again when the window becomes narrow or wide."""
    with st.container(key="window"):  # takes no space
        _element(key=KEY, data={"narrow": is_narrow()}, on_narrow_change=_store)


def is_narrow() -> bool:
    """Return whether the window is narrower than 600 pixels. It counts as wide until the browser answers."""
    return bool(st.session_state.get("narrow_window"))


def _store() -> None:
    st.session_state.narrow_window = bool((st.session_state.get(KEY) or {}).get("narrow"))
