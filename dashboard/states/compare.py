"""The state of Compare."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dashboard.shared.page_state import AsWhole, Count, CurvesState, Flag, Listed


class CompareState(CurvesState):
    """Runs and a section below their curves, or a sweep."""

    view: Literal["Runs", "Sweeps"] = "Runs"
    sweep: str | None = None
    runs: Listed = ()
    section: Literal["Scores", "Confusion", "Classes", "Calibration", "Disagreement", "Speed to accuracy"] = (
        Field("Scores", alias="show")
    )
    tested: Annotated[Literal[1000, 10000], AsWhole] = 1000
    first: str | None = Field(None, alias="pair_a")
    second: str | None = Field(None, alias="pair_b")
    who: Literal["first", "second", "none"] = "first"
    sheet: Count = 1
    goal: str | None = None
    more: Flag = Field(False, alias="more_compare")
