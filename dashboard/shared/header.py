"""The first row of every page: the title, controls for the whole page, and "How it works"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import streamlit as st
from streamlit.delta_generator import DeltaGenerator as Place

from dashboard import guide
from dashboard.drawing.markdown import escape
from dashboard.page_table import PAGES
from dashboard.shared import messages


@dataclass(frozen=True)
class Head:
    """Containers that a page fills. `row` is to the left of the popover "How it works" and takes small
    controls. `more` is at the end of the popover and takes text with numbers that the page has measured.
    """

    row: Place
    more: Place


def title(page: str, *, about: str | None = None, question: str | None = None) -> Head:
    """Draw the title of a page of `PAGES` and the popover "How it works".

    `about` is the title of the guide's section about the current view. It comes first and is expanded.
    `question` replaces the page's own question, for a view that answers another one.
    """
    messages.show_announcements()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="head"):
        st.title(question or PAGES[page].question, width="stretch")
        row = st.container(
            horizontal=True,
            horizontal_alignment="right",
            vertical_alignment="center",
            gap="small",
            width="content",
        )
        with st.popover("How it works", type="tertiary", icon=":material/help:"):
            return Head(row, _guide(page, about))


def stop_without_runs(reason: str) -> NoReturn:
    """End the page with the reason that there is nothing to show, and a link to Training."""
    st.info(reason)
    st.page_link(PAGES["training"].script, label="Train one", icon=":material/arrow_forward:")
    st.stop()


def _guide(page: str, about: str | None) -> Place:
    """Draw the guide of a page and the glossary. Return the place at the end of the guide."""
    page_guide = guide.guide(page)
    sections = sorted(page_guide.sections, key=lambda section: section.title != about)
    with st.container(key="guide"):
        page_tab, glossary_tab = st.tabs(["This page", "Glossary"])
        with page_tab:
            st.markdown(page_guide.lead)
            with st.container(gap="xsmall"):
                for section in sections:
                    with st.expander(section.title, expanded=section is sections[0]):
                        st.markdown(guide.linked(section.text))
                more = st.container()
            st.markdown(f"[Read about this page from the beginning, with exercises](./guide#{page})")
        with glossary_tab:
            _glossary(page)
    return more


@st.fragment
def _glossary(page: str) -> None:
    """Draw the terms that match the search, or else all terms, beginning with those of this page."""
    query = st.text_input(
        "Search",
        type="search",
        live=True,
        key="glossary",
        label_visibility="collapsed",
        placeholder=f"Search {len(guide.glossary())} terms",
    )
    if query and query.strip():
        if matches := guide.look_up(query):
            _list(matches)
        else:
            st.caption(f"Nothing found for “{escape(query.strip())}”: try a shorter word.")
        return
    own = guide.terms_of(page)
    st.markdown("**On this page**")
    _list(own)
    if others := [term for term in guide.glossary() if term not in own]:
        st.markdown("**On other pages**")
        _list(others)


def _list(terms: Sequence[str]) -> None:
    definitions = guide.glossary()
    st.markdown("\n\n".join(f"**{term}** &ensp; {definitions[term]}" for term in terms))
