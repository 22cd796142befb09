"""The attention explorer: the maps of all heads, which follow the pointer without the server.

Its state is kept in the address (`state.js`). `frames.js` describes the format of the data. The element
triggers `ask` if it needs other weights (of a snapshot, a painted image, positions alone) or the same
weights again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, pack

HERE = Path(__file__).parent

# of every view with an image, a grid of maps and large maps
STYLE = "".join((HERE / f"{name}.css").read_text(encoding="utf-8") for name in ("explorer", "narrow"))

PART = Part(
    "explorer",
    (HERE / "explorer.html").read_text(encoding="utf-8"),
    STYLE + "".join((HERE / f"{name}.css").read_text(encoding="utf-8") for name in ("heads", "low")),
    bundle(HERE / "explorer.js"),
)
_element = PART.element()


def message(header: dict[str, Any], image: np.ndarray | None, weights: bytes | None) -> bytes:
    """Return the message for the browser: the header, and the image uint8 [3, S, S] and weights if given.

    The browser keeps both, by `header["image"]` and `header["key"]`.
    """
    pixels = b"" if image is None else np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes()
    given = {"has_image": image is not None, "has": weights is not None}
    return pack({**header, **given}, pixels, weights or b"")


def explorer(data: bytes, *, key: str, on_ask: Callable[[], None]) -> None:
    """Mount the explorer, or send it new data. `data`: see `message`. `on_ask`: called on `ask`."""
    _element(key=key, data=data, on_ask_change=on_ask)
