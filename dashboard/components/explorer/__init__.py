"""The attention explorer: every map of every head answers to the pointer in the browser, without the server.

What is looked at stands in the address (`state.js`); `frames.js` says how the data are packed. The element
triggers `ask` when it needs other numbers (a snapshot, a painted image, no content) or the weights again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, pack

HERE = Path(__file__).parent

PART = Part(
    (HERE / "explorer.html").read_text(),
    (HERE / "explorer.css").read_text(),
    bundle(HERE / "explorer.js"),
)
_element = PART.element("vitlab.explorer")


def message(header: dict[str, Any], image: np.ndarray, weights: bytes | None) -> bytes:
    """What the browser reads: the header, the pixels of the image uint8 [3, S, S], then perhaps float16."""
    pixels = np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes()
    return pack({**header, "has": weights is not None}, pixels, weights or b"")


def explorer(data: bytes, *, key: str, on_ask: Callable[[], None]) -> None:
    """Mount the explorer, or give it new data; see the module's text."""
    _element(key=key, data=data, on_ask_change=on_ask)
