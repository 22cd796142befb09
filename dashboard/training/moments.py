"""The choice of an epoch, for what a run recorded of eight images in the course of its training."""

from __future__ import annotations

import numpy as np
import streamlit as st


def choose(epochs: np.ndarray, key: str, title: str) -> int:
    """Draw a title with a slider over epochs [E]. Return the index of the chosen one.

    It is the newest epoch until the visitor chooses another one.
    """
    count = len(epochs)
    last, at = st.session_state.get(f"last_{key}"), st.session_state.get(key)
    if at is None or at >= count or (at == last and last != count - 1):
        # only if needed: setting the value interrupts a dragged slider
        at = st.session_state[key] = count - 1
    st.session_state[f"last_{key}"] = count - 1
    left, right = st.columns([3.2, 2], vertical_alignment="center")
    left.markdown(title)
    if count > 1:
        with right:
            at = st.select_slider(
                "Epoch shown",
                range(count),
                key=key,
                label_visibility="collapsed",
                format_func=lambda i: f"epoch {epochs[i]:.3g}",
            )
    return at
