"""The attention explorer: every map of every head answers to the pointer in the browser, without the server.

What is looked at stands in the address (`state.js`); `frames.js` says how the data are packed. The element
triggers `ask` when it needs other numbers (a snapshot, a painted image, no content) or the weights again.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard import pictures

HERE = Path(__file__).parent
PARTS = ("frames.js", "state.js", "paint.js", "scene.js", "panels.js", "explorer.js")

_element = st.components.v2.component(
    "vitlab.explorer",
    html=(HERE / "explorer.html").read_text(),
    css=(HERE / "explorer.css").read_text(),
    js="\n".join((HERE / part).read_text() for part in PARTS),
    isolate_styles=False,
)


def pack(header: dict[str, Any], image: np.ndarray, weights: bytes | None) -> bytes:
    """What the browser reads: length, header, pixels of the image uint8 [3, S, S], then perhaps float16."""
    colours = {
        "colours": base64.b64encode(pictures.CIVIDIS.tobytes()).decode(),
        "signs": base64.b64encode(pictures.SIGNED.tobytes()).decode(),
    }
    text = json.dumps({**header, **colours, "has": weights is not None}).encode()
    pixels = np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes()
    return struct.pack("<I", len(text)) + text + pixels + (weights or b"")


def explorer(data: bytes, *, key: str, on_ask: Callable[[], None]) -> None:
    """Mount the explorer, or give it new data; see the module's text."""
    _element(key=key, data=data, on_ask_change=on_ask)
