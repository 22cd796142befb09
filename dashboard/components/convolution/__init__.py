"""Step through one convolution of a ResNet and its head. Only another block needs the server.

The element triggers `ask` if it needs another block, or, for a model with many channels, the kernels of
another channel.
"""

from __future__ import annotations

from collections.abc import Callable

from dashboard.components.inside import stepper_part

PART = stepper_part("convolution")
_element = PART.element()


def convolution(data: bytes, *, key: str, on_ask: Callable[[], None]) -> None:
    """Mount the stepper, or send it new data. `data`: see `inside.message`. `on_ask`: called on `ask`."""
    _element(key=key, data=data, on_ask_change=on_ask)
