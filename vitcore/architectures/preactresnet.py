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
    recipes={"tutorial": TUTORIAL_SGD, "modern": {**SGD, "epochs": 20}, "quick": QUICK_SGD},
    measured={"tutorial": Result(0.9107, 10_000, "cifar10", 180, None, PUBLISHED)},
    order=3,
)
