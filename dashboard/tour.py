"""The tour: a strip above the page at each stop, and the link that starts it."""

from __future__ import annotations

import streamlit as st

from dashboard.components import tour as component
from dashboard.guide.tour import Stop, stops
from dashboard.page_table import PAGES
from dashboard.shared import bound
from dashboard.states.tour import TourState


def address(number: int, stop: Stop) -> str:
    """Return the address of a stop, relative to that of any page."""
    return f"./{PAGES[stop.page].path}?{stop.query}&{TourState.parameter('tour')}={number}"


def addresses() -> list[str]:
    """Return the address of every stop."""
    return [address(number, stop) for number, stop in enumerate(stops(), start=1)]


def strip(page: str) -> None:
    """Draw the strip if the address names a stop on this page."""
    number = _shown(page)
    if number is None:
        return
    stop = stops()[number - 1]
    with st.container(key="tour"):
        component.strip(
            {"number": number, "title": stop.title, "say": stop.say, "addresses": addresses()},
            on_leave=_leave,
        )


def _shown(page: str) -> int | None:
    """Return the number of the stop on this page that the address names, or None."""
    number = bound.read(TourState)[0].tour
    known = number is not None and number <= len(stops()) and stops()[number - 1].page == page
    return number if known else None


def offer(page: str) -> None:
    """Draw the link that starts or continues the tour, until the visitor has finished or skipped it.

    At a stop of the tour on this page, there is none.
    """
    if _shown(page) is None:
        component.offer({"addresses": addresses(), "always": False}, key="tour_offer")


def link() -> None:
    """Draw the link that starts the tour from the beginning."""
    component.offer({"addresses": addresses(), "always": True}, key="tour_link")


def _leave() -> None:
    bound.write(TourState, tour=None)
