"""The choice of an epoch, for what a run recorded of eight images in the course of its training."""

from __future__ import annotations

import numpy as np
import streamlit as st


def choose(epochs: np.ndarray, key: str, title: str) -> int:
    """Draw a title with a slider over epochs [E]. Return the index of the chosen one.

    It is the newest epoch until the visitor chooses another one.
    """
    newest = len(epochs) - 1
    last, at = st.session_state.get(f"last_{key}"), st.session_state.get(key)
    st.session_state[f"last_{key}"] = newest
    left, right = st.columns([3.2, 2], vertical_alignment="center")
    left.markdown(title)
    if not newest:
        return newest
    follows = at is not None and (at > newest or (at == last and last != newest))
    if follows:  # only if needed: setting the value interrupts a dragged slider
        st.session_state[key] = newest
    with right:
        return st.select_slider(
            "Epoch shown",
            range(newest + 1),
            # A new slider gets its epoch as the default. A value set in the session would be lost if this run
            # of the script were interrupted, as by a window that turns out to be narrow.
            None if follows else newest,
            key=key,
            label_visibility="collapsed",
            format_func=lambda i: f"epoch {epochs[i]:.3g}",
        )
