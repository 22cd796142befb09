"""The Inception network of the tutorial, see `vitcore.models.googlenet`. No torch."""

from __future__ import annotations

from vitcore.architectures import Architecture, Result
from vitcore.recipes import ADAMW, PUBLISHED, TUTORIAL_ADAMW

ARCHITECTURE = Architecture(
    name="googlenet",
    label="GoogleNet",
    colour="#CC79A7",
    build="vitcore.models.googlenet:GoogleNet",
    recipes={
        "tutorial": TUTORIAL_ADAMW,
        "modern": {**ADAMW, "epochs": 25},
        "quick": {**ADAMW, "epochs": 10, "batch_size": 64},
    },
    measured={
        "quick": Result(0.648, 1_000, "cifar10-mini", 10, 3.9),
        "tutorial": Result(0.8970, 10_000, "cifar10", 180, None, PUBLISHED),
    },
    order=5,
)
