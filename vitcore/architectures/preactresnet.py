"""The pre-activation residual network of the tutorial, see `vitcore.models.resnet`. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitcore.architectures import Architecture, Result
from vitcore.architectures.resnet import ResNetOptions
from vitcore.recipes import PUBLISHED, QUICK_SGD, SGD, TUTORIAL_SGD

if TYPE_CHECKING:
    from vitcore.models.resnet import ResNet


def build(options: ResNetOptions, num_classes: int, image_size: int) -> ResNet:
    from vitcore.models.resnet import ResNet

    values = options.model_dump()
    return ResNet(num_classes=num_classes, image_size=image_size, preactivation=True, **values)


ARCHITECTURE = Architecture(
    name="preactresnet",
    label="PreActResNet",
    colour="#E69F00",
    build=build,
    options=ResNetOptions,
    recipes={"tutorial": TUTORIAL_SGD, "modern": {**SGD, "epochs": 20}, "quick": QUICK_SGD},
    measured={"tutorial": Result(0.9107, 10_000, "cifar10", 180, None, PUBLISHED)},
    order=3,
)
