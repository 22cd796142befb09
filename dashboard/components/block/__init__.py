"""Step through one block of a ViT and its head, number by number. Only another layer needs the server.

The element triggers `ask` if it needs another layer, or, for a model with many tokens, another token.
"""

from __future__ import annotations

from collections.abc import Callable

from dashboard.components.inside import stepper_part

PART = stepper_part("block")
_element = PART.element()


def block(data: bytes, *, key: str, on_ask: Callable[[], None]) -> None:
    """Mount the stepper, or send it new data. `data`: see `inside.message`. `on_ask`: called on `ask`."""
    _element(key=key, data=data, on_ask_change=on_ask)
