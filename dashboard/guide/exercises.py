"""Exercises about each page, from `exercises.yaml`. The view behind the link shows the answer."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Exercise:
    """A question, its answer in Markdown, and the address (`page` and `query`) of the view that shows it."""

    question: str
    answer: str
    page: str
    query: str


@functools.cache
def exercises() -> dict[str, dict[str, Exercise]]:
    """Return the exercises by the name of the page that they are about, and by their own name."""
    content = yaml.safe_load((HERE / "exercises.yaml").read_text(encoding="utf-8"))
    return {
        page: {name: Exercise(**entry) for name, entry in entries.items()}
        for page, entries in content.items()
    }
