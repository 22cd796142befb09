"""The state of a talk."""

from __future__ import annotations

from typing import Literal

from dashboard.shared.page_state import Count, Flag, PageState

EDITOR = "talks"  # the path of the editor


class TalkState(PageState):
    """The name of a talk and the number of its current step.

    `answer` says whether the answer to the question of the step is shown; the browser alone writes and reads
    it. `speaker` shows the speaker window instead of the step.
    """

    talk: str | None = None
    step: Count = 1
    answer: Literal["hidden", "shown"] = "hidden"
    speaker: Flag = False

    @property
    def address(self) -> str:
        """The address of the talk, relative to that of any page."""
        return f"./{self.link('')}"


class EditorState(PageState):
    """The talk that the editor shows, by name, and the number of the step."""

    edit: str | None = None
    step: Count = 1

    @property
    def address(self) -> str:
        """The address of the editor, relative to that of any page."""
        return f"./{self.link(EDITOR)}"
