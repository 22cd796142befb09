"""The DenseNet of the tutorial, see `vitcore.networks.densenet`. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from vitcore.architectures import Architecture, Options, Result
from vitcore.architectures.resnet import Depth
from vitcore.recipes import ADAMW, GPU_ADAMW, PUBLISHED, TUTORIAL_ADAMW

if TYPE_CHECKING:
    from torch import nn


class DenseNetOptions(Options):
    """One dense block per entry of `num_layers`; the defaults are the tutorial's (239,146 parameters)."""

    num_layers: tuple[Depth, ...] = Field(
        (6, 6, 6, 6), min_length=1, max_length=6, title="Layers", description="of each dense block"
    )
    bn_size: int = Field(
        2, ge=1, le=16, title="Bottleneck", description="width of the bottleneck, in growth rates"
    )
    growth_rate: int = Field(16, ge=1, le=256, description="channels that every layer adds")


def _build(options: DenseNetOptions, num_classes: int, image_size: int) -> nn.Module:
    from vitcore.networks.densenet import DenseNet

    return DenseNet(num_classes=num_classes, image_size=image_size, **options.model_dump())


ARCHITECTURE = Architecture(
    name="densenet",
    label="DenseNet",
    color="#56B4E9",
    build=_build,
    options=DenseNetOptions,
    recipes={
        "tutorial": TUTORIAL_ADAMW,
        "modern": {**ADAMW, "epochs": 25},
        "gpu": GPU_ADAMW,
        "quick": {**ADAMW, "epochs": 10, "batch_size": 64},
    },
    measured={
        "quick": Result(0.636, 1_000, "cifar10-mini", 10, 4.5),
        "tutorial": Result(0.9023, 10_000, "cifar10", 180, None, PUBLISHED),
    },
    order=7,
)
