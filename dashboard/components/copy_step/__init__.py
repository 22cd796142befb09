"""A button that copies the view of a page as a step of a talk file. The browser does it alone: it knows the
address, with what a component wrote into it.
"""

from __future__ import annotations

from pathlib import Path

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part

HERE = Path(__file__).parent

_element = Part(
    '<div class="talkstep"><button type="button" title="Copy this view as lines of a talk file">'
    'Copy as talk step</button><textarea readonly hidden aria-label="The talk step" rows="3"></textarea>'
    '<span role="status"></span></div>',
    (HERE / "copy_step.css").read_text(),
    bundle(HERE / "copy_step.js"),
).element("vitlab.talkstep")


def copy_step() -> None:
    """Mount it."""
    _element(key="talkstep", data={})
