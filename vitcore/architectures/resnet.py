"""The ResNet of the tutorial and those of ImageNet, see `vitcore.networks.resnet`. No torch."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from vitcore.architectures import Architecture, Options, Result
from vitcore.recipes import GPU_SGD, H200, PUBLISHED, QUICK_SGD, SGD, TUTORIAL_SGD

if TYPE_CHECKING:
    from torch import nn

Width = Annotated[int, Field(ge=1, le=2048)]
Depth = Annotated[int, Field(ge=1, le=32)]


class StageOptions(Options):
    """One stage per entry, each halving the resolution. The tutorial's defaults give 272,378 parameters."""

    c_hidden: tuple[Width, ...] = Field(
        (16, 32, 64), min_length=1, max_length=6, title="Channels", description="of each stage"
    )
    num_blocks: tuple[Depth, ...] = Field(
        (3, 3, 3), min_length=1, max_length=6, title="Blocks", description="of each stage"
    )

    @model_validator(mode="after")
    def check(self) -> StageOptions:
        if len(self.c_hidden) != len(self.num_blocks):
            raise ValueError(
                f"c_hidden has {len(self.c_hidden)} stages and num_blocks {len(self.num_blocks)}: "
                "give both the same length"
            )
        return self


class ResNetOptions(StageOptions):
    """The ResNet of the tutorial. The options in `rare` describe the ResNets of ImageNet.

    ResNet-50 has c_hidden 64, 128, 256, 512, num_blocks 3, 4, 6, 3, stem 7x7, block bottleneck and shortcut
    conv_norm. The tutorial's networks have the defaults.
    """

    rare: ClassVar[frozenset[str]] = frozenset(
        ("stem", "c_stem", "block", "expansion", "shortcut", "norm_eps")
    )

    stem: Literal["3x3", "7x7"] = Field(
        "3x3", description="first convolution: 3x3, or 7x7 with stride 2 and max pooling"
    )
    c_stem: int = Field(
        0, ge=0, le=2048, description="channels of the first convolution; 0: as the first stage"
    )
    block: Literal["basic", "bottleneck"] = Field(
        "basic", description="basic: 3x3, 3x3; bottleneck: 1x1, 3x3, 1x1"
    )
    expansion: int = Field(
        4, ge=1, le=8, description="output channels of a bottleneck, as a multiple of c_hidden"
    )
    shortcut: Literal["conv", "conv_norm"] = Field(
        "conv",
        description="where a block changes the shape: 1x1 convolution with bias, or with batch norm",
    )
    norm_eps: float = Field(1e-5, gt=0, le=0.01, description="epsilon of the batch norms")


def _build(options: ResNetOptions, num_classes: int, image_size: int) -> nn.Module:
    from vitcore.networks.resnet import ResNet

    return ResNet(num_classes=num_classes, image_size=image_size, **options.model_dump())


def layers_of(options: StageOptions) -> tuple[tuple[str, ...], ...]:
    """Return the layers of a layer-wise decay: the first convolution, then each stage."""
    ends = list(accumulate(options.num_blocks))
    stages = zip([0, *ends], ends, strict=False)
    return (("input_net.",), *(tuple(f"blocks.{i}." for i in range(first, end)) for first, end in stages))


ARCHITECTURE = Architecture(
    name="resnet",
    label="ResNet",
    color="#D55E00",
    build=_build,
    options=ResNetOptions,
    recipes={
        "tutorial": TUTORIAL_SGD,
        "modern": {**SGD, "epochs": 20},
        "gpu": GPU_SGD,
        "quick": QUICK_SGD,
    },
    measured={
        "tutorial": Result(0.9106, 10_000, "cifar10", 180, None, PUBLISHED),
        "modern": Result(0.8905, 10_000, "cifar10", 20, 26.1),
        "gpu": Result(0.9152, 10_000, "cifar10", 85, 4.6, H200),
        "quick": Result(0.55, 1_000, "cifar10-mini", 10, 1.0),
    },
    layers=layers_of,
    order=2,
)
