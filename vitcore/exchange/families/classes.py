"""Names of the classes of models whose files do not have them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from vitcore.config import LONGEST_CLASS

IMAGENET = 1000  # classes
SUFFIX = 20  # characters that are left for the numbers after a repeated name


def class_names(count: int) -> tuple[str, ...]:
    """Return the names of `count` classes: those of ImageNet for 1,000, otherwise numbers from 1."""
    if count != IMAGENET:
        return tuple(f"class {number}" for number in range(1, count + 1))
    from torchvision.models import ViT_B_16_Weights  # takes seconds to import

    return distinct(ViT_B_16_Weights.IMAGENET1K_V1.meta["categories"])


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return names that a configuration can hold: they differ, and are neither empty nor too long.

    A repeated one gets its number. ImageNet has two classes named crane.
    """
    found: dict[str, None] = {}
    for number, name in enumerate(names, start=1):
        text = name.encode("utf-8", "replace").decode()[:LONGEST_CLASS] or f"class {number}"
        start = text[: LONGEST_CLASS - SUFFIX]
        others = (f"{start} ({number}, {again})" for again in itertools.count(2))
        free = itertools.chain((text, f"{start} ({number})"), others)
        found[next(candidate for candidate in free if candidate not in found)] = None
    return tuple(found)
