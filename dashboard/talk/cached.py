"""Talks that are read again only when their files have changed."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.talk.files import Talk, read_talk
from vitcore.errors import UserError


def read(path: Path) -> Talk:
    """Return the talk in a file, which may have broken links: see `files.parse`. Raises `UserError`."""
    try:
        about = path.stat()
    except OSError as error:
        raise UserError(f"{path.name} can't be read: {error.strerror or error}.") from None
    return _read(str(path), about.st_mtime_ns, about.st_size)


@st.cache_data(max_entries=64, show_spinner=False)
def _read(path: str, modified: int, size: int) -> Talk:
    return read_talk(Path(path), broken_links=True)
