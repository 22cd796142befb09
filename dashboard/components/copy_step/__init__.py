"""A button that copies the current view as a step of a talk file, and the link of that view.

Only the browser knows the parameters that components write into the address.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part

HERE = Path(__file__).parent
KEY = "copy_step"

_element = Part(
    "copy_step",
    '<div class="copy-step"><button type="button" title="Copy this view as lines of a talk file">'
    'Copy as talk step</button><textarea readonly hidden aria-label="Talk step" rows="3"></textarea>'
    '<span role="status"></span></div>',
    (HERE / "copy_step.css").read_text(encoding="utf-8"),
    bundle(HERE / "copy_step.js"),
).element()


def copy_step() -> None:
    """Mount the button."""
    _element(key=KEY, data={}, default={"link": ""}, on_link_change=lambda: None)


def view_link() -> str:
    """Return the link of the view when the button was last shown. It may be empty."""
    return (st.session_state.get(KEY) or {}).get("link") or ""
