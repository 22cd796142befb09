"""Popovers that close when an action in them has succeeded.

Streamlit cannot close a popover. But the browser mounts a popover with a new key anew, and so closes it. The
widgets in the popover keep their own keys and therefore their values.
"""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.shared import messages


def popover(label: str, name: str, *, place: DeltaGenerator | None = None, **look: Any) -> DeltaGenerator:
    """Draw a popover that `close(name)` closes. `look` holds further arguments of `st.popover`."""
    key = f"{name}_popover_{st.session_state.get(_key(name), 0)}"
    return (st if place is None else place).popover(label, key=key, **look)


def close(name: str, announcement: str = "") -> None:
    """Close a popover the next time it is drawn, and announce what its action did."""
    st.session_state[_key(name)] = st.session_state.get(_key(name), 0) + 1
    if announcement:
        messages.announce(announcement)


def _key(name: str) -> str:
    return f"closed_{name}"
