"""Names of the classes of models whose files do not have them."""

from __future__ import annotations

from collections.abc import Sequence

IMAGENET = 1000  # classes


def class_names(count: int) -> tuple[str, ...]:
    """Return the names of `count` classes: those of ImageNet for 1,000, otherwise numbers from 1."""
    if count != IMAGENET:
        return tuple(f"class {number}" for number in range(1, count + 1))
    from torchvision.models import ViT_B_16_Weights  # takes seconds to import

    return distinct(ViT_B_16_Weights.IMAGENET1K_V1.meta["categories"])


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return names that differ: a repeated one gets its number. ImageNet has two classes named crane."""
    found: dict[str, None] = {}
    for number, name in enumerate(names, start=1):
        found[f"{name} ({number})" if name in found else name] = None
    return tuple(found)
