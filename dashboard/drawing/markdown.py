"""Somebody's text within ours. No Streamlit."""

from __future__ import annotations

import re

_CODE = re.compile(r"(?<!`)(`[^`\n]+`)(?!`)")  # in one line: code ends where a paragraph does


def escape(text: str) -> str:
    """Markdown that shows a text as it is: a title or a run folder may come from somebody else."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def sentence(said: object) -> str:
    """Markdown of what an error says: its `code` is code, all else, which may repeat a file or an address, is
    shown as it is.
    """
    parts = _CODE.split(str(said))
    return "".join(part if at % 2 else escape(part) for at, part in enumerate(parts))
