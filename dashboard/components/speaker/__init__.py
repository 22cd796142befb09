"""The speaker window of a talk. It follows the tab that presents, without the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part

HERE = Path(__file__).parent

_element = Part(
    "speaker",
    (HERE / "speaker.html").read_text(encoding="utf-8"),
    (HERE / "speaker.css").read_text(encoding="utf-8"),
    bundle(HERE / "speaker.js"),
).element()


def speaker(data: dict[str, Any], *, key: str) -> None:
    """Mount the window.

    `data`: "talk" (its name), "title", "at" (the step, from 0, until a tab that presents is found), and
    "steps" with the text of every field.
    """
    _element(key=key, data=data)
