"""Names of the classes of models whose files do not have them."""

from __future__ import annotations

IMAGENET = 1000  # classes


def class_names(count: int) -> tuple[str, ...]:
    """Return the names of `count` classes: those of ImageNet for 1,000, otherwise numbers from 1.

    ImageNet has two classes `crane` and two `maillot`. The second one gets its number, so that names differ.
    """
    if count != IMAGENET:
        return tuple(f"class {number}" for number in range(1, count + 1))
    from torchvision.models import ViT_B_16_Weights  # takes seconds to import

    names: dict[str, None] = {}
    for i, name in enumerate(ViT_B_16_Weights.IMAGENET1K_V1.meta["categories"]):
        names[f"{name} ({i})" if name in names else name] = None
    return tuple(names)
