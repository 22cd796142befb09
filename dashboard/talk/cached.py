"""Talks that are read again only when their files have changed."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.talk.files import Talk, read_talk
from vitcore.errors import UserError


def read(path: Path) -> Talk:
    """Return the talk in a file, which may have broken links: see `files.parse`. Raise `UserError`."""
    try:
        about = path.stat()
    except OSError as error:
        raise UserError(f"{path.name} can't be read: {error.strerror or error}.") from None
    found = _read(str(path), about.st_mtime_ns, about.st_ctime_ns, about.st_size)
    if isinstance(found, str):
        raise UserError(found)
    return found


@st.cache_data(max_entries=256, show_spinner=False)
def _read(path: str, modified: int, changed: int, size: int) -> Talk | str:
    """Return a talk, or why its file cannot be read.

    The reason is cached, too: every page lists the talks, and finding a mistake can take a second.
    """
    try:
        return read_talk(Path(path), broken_links=True)
    except UserError as error:
        return str(error)
