"""Redraw a part of a page every few seconds while something is active."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from dashboard.drawing.markdown import sentence
from vitcore.errors import UserError

T = TypeVar("T")


def fragment(
    draw: Callable[[T], object], state: Callable[[], T], *, every_s: float, active: Callable[[T], bool] = bool
) -> None:
    """Call `draw(state())` now, and every `every_s` seconds while `active(state())`.

    When the state changes, the whole page reruns, so that its other parts follow and the timer starts or
    ends.
    """
    page_state = state()

    @functools.wraps(draw)  # Streamlit distinguishes fragments by the name of the function
    def tick() -> None:
        new_state = state()
        if new_state != page_state:
            st.rerun()
        try:
            draw(new_state)
        except UserError as error:  # a run that was damaged or deleted in the meantime
            st.error(sentence(error))

    st.fragment(tick, run_every=every_s if active(page_state) else None)()
