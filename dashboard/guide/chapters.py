"""The chapters of the guide, from `chapters/NAME.md`: a text for each page, to be read beside it.

A chapter begins with its lead. Each `## Title` starts a part. Two kinds of lines stand for other texts:

- `[[section: Title]]` is the section of that title in the guide of the page, with its formula and its paper.
- `[[exercise: name]]` is an exercise of the page, from `exercises.yaml`.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HERE = Path(__file__).resolve().parent / "chapters"
Kind = Literal["text", "section", "exercise"]
_LINE = re.compile(r"^\[\[(section|exercise): (.+)\]\]$", re.MULTILINE)


@dataclass(frozen=True)
class Piece:
    """A Markdown text, the title of a section, or the name of an exercise."""

    kind: Kind
    content: str


@dataclass(frozen=True)
class Part:
    """What a heading of a chapter introduces. The lead of a chapter is a part without a title."""

    title: str
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The text of this part, without sections and exercises."""
        return "\n\n".join(piece.content for piece in self.pieces if piece.kind == "text")

    def names(self, kind: Kind) -> tuple[str, ...]:
        """Return the contents of all pieces of a kind, in order."""
        return tuple(piece.content for piece in self.pieces if piece.kind == kind)


@dataclass(frozen=True)
class Chapter:
    """The chapter about one page."""

    lead: Part
    parts: tuple[Part, ...]

    def names(self, kind: Kind) -> tuple[str, ...]:
        """Return the contents of all pieces of a kind, in order."""
        return tuple(name for part in (self.lead, *self.parts) for name in part.names(kind))


@functools.cache
def chapter(name: str) -> Chapter:
    """Return the chapter about a page, given the name of the page."""
    lead, *parts = re.split(r"^## ", (HERE / f"{name}.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    titled = (part.partition("\n") for part in parts)
    return Chapter(
        Part("", _pieces(lead)), tuple(Part(title.strip(), _pieces(text)) for title, _, text in titled)
    )


def _pieces(text: str) -> tuple[Piece, ...]:
    """Split a text at the lines that stand for other texts."""
    first, *others = _LINE.split(text)  # text, kind, name, text, kind, name, text ...
    pieces = [Piece("text", first.strip())]
    for kind, name, after in zip(others[::3], others[1::3], others[2::3], strict=True):
        pieces += [Piece("section" if kind == "section" else "exercise", name), Piece("text", after.strip())]
    return tuple(piece for piece in pieces if piece.content)
