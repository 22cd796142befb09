"""The pre-activation residual network of the tutorial, see `vitcore.models.resnet`. No torch."""

from __future__ import annotations

from vitcore.architectures import Architecture, Result
from vitcore.architectures.resnet import ResNetOptions
from vitcore.recipes import PUBLISHED, QUICK_SGD, SGD, TUTORIAL_SGD

ARCHITECTURE = Architecture(
    name="preactresnet",
    label="PreActResNet",
    colour="#E69F00",
    build="vitcore.models.resnet:PreActResNet",
    options=ResNetOptions,
    recipes={"tutorial": TUTORIAL_SGD, "modern": {**SGD, "epochs": 12}, "quick": QUICK_SGD},
    measured={
        "modern": Result(0.8705, 10_000, "cifar10", 12, 15.9),
        "tutorial": Result(0.9107, 10_000, "cifar10", 180, None, PUBLISHED),
        "quick": Result(0.575, 1_000, "cifar10-mini", 10, 1.0),
    },
    order=3,
)
