"""The confirmation of a deletion: a checkbox that enables the button below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st


def confirm(
    what: str,
    name: str,
    key: str,
    on_delete: Callable[..., None],
    *arguments: Any,
    refusal: str | None = None,
) -> None:
    """Draw the confirmation that deletes `what` with the callback `on_delete(*arguments)`.

    `name` identifies what is deleted, so that a confirmation does not count for something else, and `key` the
    button. `refusal` says why it cannot be deleted now.
    """
    sure = st.checkbox(
        f"I understand that {what} will be deleted", key=f"sure_{name}", disabled=bool(refusal)
    )
    st.button(
        "Delete permanently",
        key=key,
        disabled=bool(refusal) or not sure,
        on_click=on_delete,
        args=arguments,
        help=refusal,
        width="stretch",
    )
