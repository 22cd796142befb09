"""Make Markdown that shows text from users, files and errors literally. No Streamlit."""

from __future__ import annotations

import re

_CODE = re.compile(r"(?<!`)(`[^`\n]+`)(?!`)")  # in one line: code ends where a paragraph does


# GitHub's Markdown turns these into links after it has removed the backslashes
_LINKED = re.compile(r"(?i)(?<=http)(?=://)|(?<=https)(?=://)|(?<=www)(?=\.)|(?<=[\w.+-])(?=@[\w-])")
_BREAK = "\u2060"  # word joiner: has no width, and no line breaks at it


def escape(text: str) -> str:
    """Return Markdown that shows a text literally, for example the title of another user's run.

    Addresses do not become links: a word joiner, which has no width, separates their parts.
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", _LINKED.sub(_BREAK, text))


def sentence(error: object) -> str:
    """Return Markdown of an error's message: its `code` is code, all else (such as a path) is literal."""
    parts = _CODE.split(str(error))
    return "".join(part if at % 2 else escape(part) for at, part in enumerate(parts))
