"""Somebody's text within ours. No Streamlit."""

from __future__ import annotations

import re

_CODE = re.compile(r"(?<!`)(`[^`\n]+`)(?!`)")  # in one line: code ends where a paragraph does


def escape(text: str) -> str:
    """Return Markdown that shows a text literally, because a title or a run may come from somebody else."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def sentence(error: object) -> str:
    """Return Markdown of an error's message: its `code` is code, all else (such as a path) is literal."""
    parts = _CODE.split(str(error))
    return "".join(part if at % 2 else escape(part) for at, part in enumerate(parts))
