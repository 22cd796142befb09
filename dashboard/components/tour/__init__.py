"""The tour: the strip with the current stop, and the link that starts the tour.

The browser remembers which stop was shown last, and whether the tour was finished or skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part

HERE = Path(__file__).parent
STYLE = (HERE / "tour.css").read_text(encoding="utf-8")

_strip = Part(
    "tour",
    '<section class="tour" aria-label="Tour" hidden><span class="tour-count"></span>'
    '<p class="tour-words"><b></b> <span></span></p><span class="tour-buttons">'
    '<button type="button">Skip</button><a target="_self" data-do="back">Back</a>'
    '<a target="_self" data-do="next">Next stop</a></span></section>',
    STYLE,
    bundle(HERE / "tour.js"),
).element()
_offer = Part(
    "tour_offer",
    '<span class="tour-offer" hidden><a target="_self">Take the tour</a>'
    '<button type="button" title="Do not offer the tour again" aria-label="Do not offer the tour again">'
    "\u00d7</button></span>",
    STYLE,
    bundle(HERE / "offer.js"),
).element()


def strip(data: dict[str, Any], *, on_leave: Callable[[], None]) -> None:
    """Mount the strip.

    `data`: "number" of the stop (from 1), "title" and "say" of the stop, "addresses" of all stops. It
    triggers `leave` when the tour is finished or skipped.
    """
    _strip(key="tour_strip", data=data, on_leave_change=on_leave)


def offer(data: dict[str, Any], *, key: str) -> None:
    """Mount the link to the tour.

    `data`: "addresses" of all stops, and "always". If this is false, the link continues at the last stop and
    disappears once the tour was finished or skipped.
    """
    _offer(key=key, data=data)
