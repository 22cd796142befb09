"""The state of a talk."""

from __future__ import annotations

from dashboard.shared.page_state import Count, PageState


class TalkState(PageState):
    """The name of a talk and the number of its current step."""

    talk: str | None = None
    step: Count = 1
