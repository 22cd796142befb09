"""The page `/guide`: the guides of all pages as one text, with exercises."""

from __future__ import annotations

import streamlit as st

from dashboard import guide
from dashboard.guide.exercises import Exercise, exercises
from dashboard.page_table import HOME, PAGES

INTRODUCTION = (
    "These are the texts of **How it works** on every page, in one text. "
    "Keep ViT Lab open in a second window: every chapter and every answer links to the view that it is about."
)


def address(page: str, query: str = "") -> str:
    """Return the address of a view, relative to that of any page."""
    path = "" if page == HOME else page
    return f"./{path}?{query}" if query else f"./{path}"


def show() -> None:
    """Draw the chapters with their exercises."""
    with st.container(key="guide_text"):
        st.title("Guide")
        st.markdown(INTRODUCTION)
        st.markdown(
            "\n".join(f"{i}. [{page.label}](#{page.name})" for i, page in enumerate(PAGES.values(), start=1))
        )
        for i, name in enumerate(PAGES, start=1):
            _chapter(i, name)


def _chapter(number: int, name: str) -> None:
    page, text = PAGES[name], guide.guide(name)
    st.header(f"{number} {page.label}: {page.question}", anchor=name)
    st.markdown(f"{text.lead}\n\n[Open {page.label}]({address(name)})")
    inherited = guide.inherited(name)
    for section in text.sections:
        if section.title not in inherited:
            st.subheader(section.title, anchor=False)
            st.markdown(guide.linked(section.text))
    if inherited:
        places = [f"**{title}** ([{PAGES[owner].label}](#{owner}))" for title, owner in inherited.items()]
        st.markdown(f"Also on this page: {', '.join(places)}.")
    st.subheader("Exercises", anchor=False)
    for i, exercise in enumerate(exercises()[name], start=1):
        _exercise(f"{number}.{i}", exercise)


def _exercise(label: str, exercise: Exercise) -> None:
    st.markdown(f"**{label}** {exercise.question}")
    with st.expander(f"Answer {label}"):
        st.markdown(f"{exercise.answer}\n\n[Open the view]({address(exercise.page, exercise.query)})")
