"""Step through one block of a ViT and its head, number by number.

The element triggers `ask` if it needs another layer, rows of weights, or, for a model with many tokens,
another token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dashboard.components.inside import stepper_part
from dashboard.components.packing import pack

PART = stepper_part("block")
_element = PART.element()


def rows_message(header: dict[str, Any], floats: bytes, state: str) -> bytes:
    """Return a message with rows of weights alone.

    `header` is that of the block, which the browser has. If it has lost the block, it asks for it with the
    query string `state`.
    """
    kept = {name: header[name] for name in ("key", "weights", "sentWeights")}
    return pack({**kept, "rowsAlone": True, "state": state}, floats)


def block(data: bytes, *, key: str, on_ask: Callable[[], None]) -> None:
    """Mount the stepper, or send it new data.

    `data`: see `inside.message` and `rows_message`. `on_ask`: called on `ask`.
    """
    _element(key=key, data=data, on_ask_change=on_ask)
