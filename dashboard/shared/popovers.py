"""Popovers that close when an action in them has succeeded.

Streamlit has no call that closes a popover. But a popover whose key changes is a new one for the browser, and
a new popover is closed. The widgets in it keep their own keys, and therefore their values.
"""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.shared import messages


def popover(
    label: str, name: str, *, place: DeltaGenerator | None = None, **widget_options: Any
) -> DeltaGenerator:
    """Draw a popover that `close(name)` closes. `widget_options` are further arguments of `st.popover`."""
    key = f"{name}_popover_{st.session_state.get(_key(name), 0)}"
    return (st if place is None else place).popover(label, key=key, **widget_options)


def close(name: str, announcement: str = "") -> None:
    """Close a popover the next time it is drawn, and announce what its action did."""
    st.session_state[_key(name)] = st.session_state.get(_key(name), 0) + 1
    if announcement:
        messages.announce(announcement)


def _key(name: str) -> str:
    return f"closed_{name}"
