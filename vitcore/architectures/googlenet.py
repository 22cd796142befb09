"""The Inception network of the tutorial, see `vitcore.models.googlenet`. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitcore.architectures import Architecture, Options, Result
from vitcore.recipes import ADAMW, PUBLISHED, TUTORIAL_ADAMW

if TYPE_CHECKING:
    from vitcore.models.googlenet import GoogleNet


def build(options: Options, num_classes: int, image_size: int) -> GoogleNet:
    from vitcore.models.googlenet import GoogleNet

    return GoogleNet(num_classes=num_classes, image_size=image_size)


ARCHITECTURE = Architecture(
    name="googlenet",
    label="GoogleNet",
    colour="#CC79A7",
    build=build,
    recipes={
        "tutorial": TUTORIAL_ADAMW,
        "modern": {**ADAMW, "epochs": 25},
        "quick": {**ADAMW, "epochs": 10, "batch_size": 64},
    },
    measured={"tutorial": Result(0.8970, 10_000, "cifar10", 180, None, PUBLISHED)},
    order=5,
)
