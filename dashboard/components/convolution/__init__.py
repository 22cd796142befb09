"""Step through one convolution of a ResNet and its head. Only another block needs the server.

`data.js` describes the format of the message. The element triggers `ask` if it needs another block, or, for a
model with many channels, the kernels of another channel. It shares the style sheet of the stepper through a
block of a ViT.
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
    (HERE / "convolution.html").read_text(encoding="utf-8"),
    style(HERE.parent / "block" / "block.css") + (HERE / "convolution.css").read_text(encoding="utf-8"),
    bundle(HERE / "convolution.js"),
)
_element = PART.element("vitlab.convolution")


def message(header: dict[str, Any], image: np.ndarray, floats: bytes) -> bytes:
    """Return the message for the browser: the header, float32 arrays, image uint8 [3, S, S]."""
    return pack(header, floats, np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes())


def convolution(data: bytes, *, key: str, on_ask: Callable[[], None]) -> None:
    """Mount the stepper, or send it new data. `data`: see `message`. `on_ask`: called on `ask`."""
    _element(key=key, data=data, on_ask_change=on_ask)
