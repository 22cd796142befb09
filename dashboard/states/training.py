"""The state of the Training page in its address."""

from __future__ import annotations

from pydantic import Field

from dashboard.shared.page_state import CurvesState, Flag


class TrainingState(CurvesState):
    """The watched run, the first choices of the form, and the table of runs."""

    watch: str | None = None
    model: str | None = None
    data: str | None = None
    recipe: str | None = None
    start: str | None = None
    table: Flag = Field(False, alias="all")
    find: str = ""
    more: Flag = Field(False, alias="more_watch")
