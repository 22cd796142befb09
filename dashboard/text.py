"""Somebody's text within ours. No Streamlit."""

from __future__ import annotations

import re


def plain(text: str) -> str:
    """Markdown that shows a text as it is: a title or a run folder may come from somebody else."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)
