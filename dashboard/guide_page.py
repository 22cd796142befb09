"""The page `/guide`: a text about all pages, to be read from top to bottom, with exercises."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import streamlit as st

from dashboard import guide
from dashboard.guide.chapters import Part, chapter
from dashboard.guide.exercises import Exercise, exercises
from dashboard.page_table import PAGES

CONTENTS = "contents"
INTRODUCTION = (
    "A text to read from top to bottom, with ViT Lab open in a second window. You need linear algebra "
    "(vectors, matrices, dot products) and an idea of how a classifier is trained. Transformers are "
    "explained. Every chapter is about one page, and every link opens the view that the text describes. "
    "*In detail* has the formula, how to read the figure, and the paper: skip it on a first reading. The "
    "glossary is in **How it works**, at the top of every page."
)


def address(page: str, query: str = "") -> str:
    """Return the address of a view, relative to that of any page."""
    path = PAGES[page].path
    return f"./{path}?{query}" if query else f"./{path}"


def show() -> None:
    """Draw the chapters with their exercises."""
    with st.container(key="guide_text"):
        st.title("Guide", anchor=CONTENTS)
        st.markdown(INTRODUCTION)
        with st.container(key="guide_contents"):
            st.markdown("\n".join(_contents()))
        for name in PAGES:
            _chapter(name)


def _number(name: str) -> int:
    return list(PAGES).index(name) + 1


def _anchor(name: str, part: int) -> str:
    return f"{name}-{part}"


def _link(name: str) -> str:
    return f"[{_number(name)} {PAGES[name].label}](#{name})"


def _contents() -> Iterator[str]:
    """Yield the lines of the table of contents."""
    for name in PAGES:
        yield f"- **{_link(name)}**"
        for i, part in enumerate(chapter(name).parts, start=1):
            yield f"    - [{part.title}](#{_anchor(name, i)})"


def _chapter(name: str) -> None:
    page, text = PAGES[name], chapter(name)
    st.header(f"{_number(name)} {page.label}: {page.question}", anchor=name)
    with st.container(key=f"chapter_{name}"):
        labels = {
            exercise: f"{_number(name)}.{i}" for i, exercise in enumerate(text.names("exercise"), start=1)
        }
        _part(name, text.lead, labels)
        for i, part in enumerate(text.parts, start=1):
            st.subheader(part.title, anchor=_anchor(name, i))
            _part(name, part, labels)
        _neighbors(name)


def _part(name: str, part: Part, labels: dict[str, str]) -> None:
    sections = {section.title: section.text for section in guide.guide(name).sections}
    for kind, pieces in itertools.groupby(part.pieces, key=lambda piece: piece.kind):
        with st.container(gap="xxsmall" if kind == "section" else "small"):
            for piece in pieces:
                if kind == "text":
                    st.markdown(guide.linked(piece.content))
                elif kind == "section":
                    with st.expander(f"In detail: {piece.content}"):
                        st.markdown(guide.linked(sections[piece.content]))
                else:
                    _exercise(labels[piece.content], exercises()[name][piece.content])


def _exercise(label: str, exercise: Exercise) -> None:
    with st.container(key=f"exercise_{label.replace('.', '_')}", gap="xsmall"):
        view = f"[Open the view]({address(exercise.page, exercise.query)})"
        st.markdown(f"**Exercise {label}** &ensp; {exercise.question} {view}")
        with st.expander(f"Answer {label}"):
            st.markdown(exercise.answer)


def _neighbors(name: str) -> None:
    """Draw links to the chapter before, the contents, the page itself and the chapter after."""
    names = list(PAGES)
    i = names.index(name)
    before = [f"← {_link(names[i - 1])}"] if i else []
    after = [f"{_link(names[i + 1])} →"] if i + 1 < len(names) else []
    middle = [f"[Contents](#{CONTENTS})", f"[Open {PAGES[name].label}]({address(name)})"]
    st.markdown(" &emsp; ".join([*before, *middle, *after]))
