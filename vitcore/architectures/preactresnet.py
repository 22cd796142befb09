"""The pre-activation ResNet of the tutorial, see `vitcore.networks.resnet`. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitcore.architectures import Architecture, Result
from vitcore.architectures.resnet import StageOptions, layers_of
from vitcore.recipes import GPU_SGD, PUBLISHED, QUICK_SGD, SGD, TUTORIAL_SGD

if TYPE_CHECKING:
    from torch import nn


def _build(options: StageOptions, num_classes: int, image_size: int) -> nn.Module:
    from vitcore.networks.resnet import PreActResNet

    return PreActResNet(num_classes=num_classes, image_size=image_size, **options.model_dump())


ARCHITECTURE = Architecture(
    name="preactresnet",
    label="PreActResNet",
    color="#E69F00",
    build=_build,
    options=StageOptions,
    recipes={
        "tutorial": TUTORIAL_SGD,
        "modern": {**SGD, "epochs": 12},
        "gpu": GPU_SGD,
        "quick": QUICK_SGD,
    },
    measured={
        "modern": Result(0.8705, 10_000, "cifar10", 12, 15.9),
        "tutorial": Result(0.9107, 10_000, "cifar10", 180, None, PUBLISHED),
        "quick": Result(0.575, 1_000, "cifar10-mini", 10, 1.0),
    },
    layers=layers_of,
    order=3,
)
