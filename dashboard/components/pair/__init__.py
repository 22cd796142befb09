"""Two attention explorers side by side, and their difference.

The same token, layer and head are under the pointer in both. `data.js` describes the format of the data. The
element triggers `ask` as the explorer does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.components.bundle import bundle
from dashboard.components.explorer import STYLE
from dashboard.components.packing import Part, pack

HERE = Path(__file__).parent

PART = Part(
    "pair",
    (HERE / "pair.html").read_text(encoding="utf-8"),
    STYLE + (HERE / "pair.css").read_text(encoding="utf-8"),
    bundle(HERE / "pair.js"),
)
_element = PART.element()


def message(header: dict[str, Any], images: Sequence[np.ndarray], weights: Sequence[bytes | None]) -> bytes:
    """Return the message for the browser: the header, both images uint8 [3, S, S], and the given weights."""
    pixels = [np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes() for image in images]
    has = [part is not None for part in weights]
    return pack({**header, "has": has}, *pixels, *(part for part in weights if part is not None))


def pair(data: bytes, *, key: str, on_ask: Callable[[], None]) -> None:
    """Mount both explorers, or send them new data. `data`: see `message`. `on_ask`: called on `ask`."""
    _element(key=key, data=data, on_ask_change=on_ask)
