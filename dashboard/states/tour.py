"""The state of the tour in the address of any page."""

from __future__ import annotations

from dashboard.shared.page_state import Count, PageState


class TourState(PageState):
    """The number of the stop that the page shows, from 1."""

    tour: Count | None = None
