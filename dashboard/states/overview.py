"""The state of the Overview page in its address."""

from __future__ import annotations

from dashboard.shared.page_state import Count, PageState


class OverviewState(PageState):
    """A class of CIFAR-10 and the number of one of its test images."""

    look: str = "cat"
    nth: Count = 1
