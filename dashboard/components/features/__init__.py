"""The features of tokens: similarities to the token under the pointer, principal components, and norms.

`data.js` describes the format of the data. The element triggers `ask` if it needs the features of another
layer, of which a large model sends only one at a time.
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
    "features",
    (HERE / "features.html").read_text(encoding="utf-8"),
    STYLE + (HERE / "features.css").read_text(encoding="utf-8"),
    bundle(HERE / "features.js"),
)
_element = PART.element()


def message(header: dict[str, Any], image: np.ndarray, arrays: Sequence[bytes]) -> bytes:
    """Return the message for the browser: the header, `arrays`, and the image uint8 [3, S, S].

    The arrays are the norms float32 [L + 2, T], the unit features float16 [sent, T, D] and the colors of the
    patches uint8 [sent, N, 3].
    """
    return pack(header, *arrays, np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes())


def features(data: bytes, *, key: str, on_ask: Callable[[], None]) -> None:
    """Mount the view, or send it new data. `data`: see `message`. `on_ask`: called on `ask`."""
    _element(key=key, data=data, on_ask_change=on_ask)
