"""The controls of a talk: keys, a dot for each step, the source, the notes, and the questions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part

HERE = Path(__file__).parent

PART = Part(
    "talk",
    '<div class="talk-question" hidden><p role="heading" aria-level="1"></p><ol type="A"></ol>'
    '<button type="button">Show the answer</button></div>'
    '<div class="talk-foot"><span class="talk-source"></span><nav class="talk-marks" '
    'aria-label="Steps"></nav><span class="talk-end">'
    '<span class="talk-count"></span><a href="./" target="_self" title="Leave the talk" '
    'aria-label="Leave the talk">\u00d7</a></span></div>'
    '<aside class="talk-note" aria-label="Speaker notes" hidden></aside>',
    (HERE / "talk.css").read_text(encoding="utf-8"),
    bundle(HERE / "talk.js"),
)
_element = PART.element()


def controls(data: dict[str, Any], *, key: str, on_change: Callable[[], None]) -> None:
    """Mount the controls.

    `data`: "talk", "at" (the step, from 0), "count", "titles" and "questions" of all steps, and "note",
    "source" and "answers" (the choices) of this step. They trigger `go` with the number of a step (from 1),
    and `scale` with the scale of the figures for this window.
    """
    _element(key=key, data=data, on_go_change=on_change, on_scale_change=on_change)
