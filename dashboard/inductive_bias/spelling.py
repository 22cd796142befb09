"""The spelling of names that stored results and links hold in British English."""

from __future__ import annotations

SPELLED = {"centre": "center", "3x3 neighbourhood": "3×3 neighborhood"}


def spelled(name: str) -> str:
    """Return a stored name as pages spell it."""
    return SPELLED.get(name, name)
