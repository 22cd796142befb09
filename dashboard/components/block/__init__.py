"""Step through one block of a ViT and its head, number by number. Only another layer needs the server.

`data.js` describes the format of the message. The element triggers `ask` if it needs another layer, or, for a
model with many tokens, another token.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, pack, style

HERE = Path(__file__).parent

PART = Part(
    (HERE / "block.html").read_text(encoding="utf-8"),
    style(HERE / "block.css"),
    bundle(HERE / "block.js"),
)
_element = PART.element("vitlab.block")


def message(header: dict[str, Any], image: np.ndarray, floats: bytes, crops: bytes) -> bytes:
    """Return the message for the browser: the header, float32 arrays, image uint8 [3, S, S], crops."""
    pixels = np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes()
    return pack(header, floats, pixels, crops)


def block(data: bytes, *, key: str, on_ask: Callable[[], None]) -> None:
    """Mount the stepper, or send it new data. `data`: see `message`. `on_ask`: called on `ask`."""
    _element(key=key, data=data, on_ask_change=on_ask)
