"""The GoogleNet of the tutorial, see `vitcore.networks.googlenet`. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitcore.architectures import Architecture, Options, Result
from vitcore.recipes import ADAMW, GPU_ADAMW, PUBLISHED, TUTORIAL_ADAMW

if TYPE_CHECKING:
    from torch import nn


def _build(options: Options, num_classes: int, image_size: int) -> nn.Module:
    from vitcore.networks.googlenet import GoogleNet

    return GoogleNet(num_classes=num_classes, image_size=image_size, **options.model_dump())


ARCHITECTURE = Architecture(
    name="googlenet",
    label="GoogleNet",
    color="#CC79A7",
    build=_build,
    recipes={
        "tutorial": TUTORIAL_ADAMW,
        "modern": {**ADAMW, "epochs": 25},
        "gpu": GPU_ADAMW,
        "quick": {**ADAMW, "epochs": 10, "batch_size": 64},
    },
    measured={
        "quick": Result(0.648, 1_000, "cifar10-mini", 10, 3.9),
        "tutorial": Result(0.8970, 10_000, "cifar10", 180, None, PUBLISHED),
    },
    order=6,
)
