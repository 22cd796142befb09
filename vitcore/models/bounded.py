"""Build a network without more memory than the weights in its file need.

The configuration of a run from elsewhere may describe a network that is larger than memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

MAKERS = (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn)
SPARE = 20_000_000  # elements, for what is not among the weights, such as fixed positions


class TooLarge(Exception):
    """A network has many more weights than its file."""


class Bounded(TorchFunctionMode):
    """Raise `TooLarge` before the new tensors have many more elements together than the weights of a file.

    A build on the meta device would show the same, but its first use takes a second.
    """

    def __init__(self, elements: int) -> None:
        super().__init__()
        self.left = 2 * elements + SPARE

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in MAKERS:
            self.left -= _elements(args, kwargs or {})
            if self.left < 0:
                raise TooLarge
        return func(*args, **(kwargs or {}))


def _elements(args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """Return the number of elements that `torch.empty` and the like are asked for."""
    shape = kwargs.get("size", args[0] if args and isinstance(args[0], Sequence) else args)
    return prod(side for side in shape if isinstance(side, int))
