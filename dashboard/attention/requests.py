"""Requests of the explorers and the steppers in the browser."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from urllib.parse import parse_qsl

import streamlit as st


def receive(key: str, at: MutableMapping[str, str], names: Iterable[str]) -> None:
    """Handle a request of the element `key`: copy the parameters `names` of its state into `at`.

    A request is text such as `look?query=3.4&snapshot=351`. It contains the state, because Streamlit does not
    read the address again. The kind is `look` for other numbers, `need` for a frame that the browser dropped,
    and `file` for an HTML file of the view.
    """
    # the element no longer exists if the browser went back to another page in the meantime
    event = st.session_state.get(key) or {}
    kind, _, text = str(event.get("ask") or "").partition("?")
    if kind == "need":
        st.session_state[f"{key}_sent"] = {}
    st.session_state[f"{key}_file"] = kind == "file"
    state = dict(parse_qsl(text))
    for name in names:
        if state.get(name) != at.get(name):
            if name in state:
                at[name] = state[name]
            else:
                del at[name]
