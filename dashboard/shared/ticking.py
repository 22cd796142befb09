"""A part of a page that is drawn again every few seconds while something is active."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def fragment(
    draw: Callable[[T], object], state: Callable[[], T], *, every_s: float, active: Callable[[T], bool] = bool
) -> None:
    """Call `draw(state())` now, and every `every_s` seconds while `active(state())`.

    When the state differs from the one that the page was drawn with, the whole page reruns instead: the rest
    of the page is drawn again, too, and the timer starts or ends.
    """
    of_page = state()

    @functools.wraps(draw)  # Streamlit tells fragments apart by the function's name
    def tick() -> None:
        now = state()
        if now != of_page:
            st.rerun()
        draw(now)

    st.fragment(tick, run_every=every_s if active(of_page) else None)()
