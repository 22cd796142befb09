"""Messages from callbacks, kept in the visitor's session until the page shows them.

A callback runs before the page, so anything that it draws itself would disappear at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.drawing.markdown import escape, sentence
from vitcore.errors import UserError

LONG = 100  # characters of an announcement that takes more than a glance to read


def keep(name: str, text: str, settings: str = "") -> None:
    """Keep a message. `settings` identifies the settings that it refers to."""
    st.session_state[_key(name)] = (settings, text)


@contextmanager
def keep_error(name: str, settings: str = "") -> Iterator[None]:
    """Keep the message of a `UserError` raised inside the block, and drop the previous message."""
    st.session_state.pop(_key(name), None)
    try:
        yield
    except UserError as error:
        keep(name, str(error), settings)


def take(name: str) -> str:
    """Return and remove a message. Empty if there is none."""
    return st.session_state.pop(_key(name), ("", ""))[1]


def show_error(name: str, settings: str) -> None:
    """Show an error as long as the settings are still the ones that it refers to."""
    show_errors([name], settings)


def show_errors(names: Iterable[str], settings: str) -> None:
    """Show the errors of several actions as `show_error` does. One that they share is shown once."""
    kept = [st.session_state.get(_key(name), ("", "")) for name in names]
    for text in dict.fromkeys(text for about, text in kept if text and about == settings):
        st.error(sentence(text))


def settings_of(name: str) -> str:
    """Return the settings that a message refers to. Empty if there is no message."""
    return st.session_state.get(_key(name), ("", ""))[0]


def toast_error(name: str) -> None:
    """Show an error once, in a corner of the page."""
    if text := take(name):
        st.toast(sentence(text))


def announce(text: str, icon: str | None = ":material/check:") -> None:
    """Keep a sentence about a completed action until the page is drawn again. Plain text, no Markdown.

    A sentence about what failed has no `icon`.
    """
    st.session_state.setdefault("announcements", []).append((text, icon))


def show_announcements() -> None:
    """Show what was announced, once, in a corner of the page."""
    for text, icon in st.session_state.pop("announcements", []):
        st.toast(escape(text), icon=icon, duration="long" if len(text) > LONG else "short")


def _key(name: str) -> str:
    return f"message_{name}"
