"""The speaker window at `?talk=NAME&speaker=true`: the current and the next step, the notes, the time."""

from __future__ import annotations

from dashboard.components.speaker import speaker
from dashboard.shared import bound
from dashboard.states.talk import TalkState
from dashboard.talk.files import Talk


def show(name: str, talk: Talk) -> None:
    """Show the window for a talk. The browser keeps it at the step that another tab presents."""
    first = min(bound.read(TalkState)[0].step, len(talk.steps)) - 1
    steps = [step.model_dump(exclude={"link"}) for step in talk.steps]
    speaker({"talk": name, "title": talk.title, "at": first, "steps": steps}, key="talk_speaker")
