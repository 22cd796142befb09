"""The first row of every page: its title, and at the right what belongs to the whole page."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator as Place

from dashboard import guide
from dashboard.page_table import PAGES


@dataclass(frozen=True)
class Head:
    """`row`: small controls of the page, left of the popover. `more`: the end of its text, for numbers that
    the page knows.
    """

    row: Place
    more: Place


def title(page: str, *, about: str | None = None) -> Head:
    """Draw the title of a page of `PAGES` and the popover "How it works".

    `about` is the title of the guide's section on what is shown now: that section comes first, unfolded.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="head"):
        st.title(PAGES[page].question, width="stretch")
        row = st.container(
            horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="small",
            width="content",
        )  # fmt: skip
        with st.popover("How it works", type="tertiary", icon=":material/help:"):
            return Head(row, _body(page, about))


def _body(page: str, about: str | None) -> Place:
    found = guide.guide(page)
    order = sorted(found.sections, key=lambda section: section.title != about)
    with st.container(key="guide"):
        here, words = st.tabs(["This page", "Glossary"])
        with here:
            st.markdown(found.lead)
            with st.container(gap="xsmall"):
                for section in order:
                    with st.expander(section.title, expanded=section is order[0]):
                        st.markdown(guide.linked(section.text))
                more = st.container()
        with words:
            _glossary(page)
    return more


@st.fragment
def _glossary(page: str) -> None:
    """A search over all words; without one, the words of this page first."""
    wanted = st.text_input(
        "Search", type="search", live=True, key="glossary", label_visibility="collapsed",
        placeholder=f"Search {len(guide.glossary())} words",
    )  # fmt: skip
    if wanted and wanted.strip():
        found = guide.look_up(wanted)
        _list(found) if found else st.caption(f"Nothing about “{wanted.strip()}”: try a shorter word.")
        return
    own = guide.words_of(page)
    st.markdown("**On this page**")
    _list(own)
    if others := [word for word in guide.glossary() if word not in own]:
        st.markdown("**Elsewhere**")
        _list(others)


def _list(words: list[str] | tuple[str, ...]) -> None:
    meanings = guide.glossary()
    st.markdown("\n\n".join(f"**{word}** &ensp; {meanings[word]}" for word in words))
