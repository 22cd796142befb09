"""The progress of a background job, with a button that cancels it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def draw(share: float, text: str, cancel: Callable[[], None], *, key: str) -> None:
    """Draw a progress bar for the finished `share` of a job, and the button `key` that cancels it.

    `text` is Markdown.
    """
    bar, place = st.columns([4, 1], vertical_alignment="center")
    bar.progress(min(1.0, share), text)
    place.button("Cancel", key=key, width="stretch", on_click=cancel)
