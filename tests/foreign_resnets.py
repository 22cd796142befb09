"""ResNets of timm and torchvision with random weights: their files, their logits and their feature maps.

`SMALL` has few channels and blocks, `REAL` the published sizes. No weights are downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from tests.foreign_models import randomized

Resnet = Callable[[], "ResNetCase"]
CHANNELS = (8, 12, 16, 24)


@dataclass
class ResNetCase:
    """A module with random weights and random statistics of its batch norms."""

    model: nn.Module
    classes: int

    @property
    def state(self) -> dict[str, torch.Tensor]:
        """Its state dictionary."""
        return self.model.state_dict()

    def outputs(self, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the logits (or features), and the maps after each stage, for normalized images."""
        maps: list[torch.Tensor] = []
        stages = [getattr(self.model, f"layer{i}") for i in range(1, 5)]
        hooks = [
            stage.register_forward_hook(lambda module, given, output: maps.append(output)) for stage in stages
        ]
        try:
            return self.model(images), maps
        finally:
            for hook in hooks:
                hook.remove()


def resnet_case(model: nn.Module, classes: int = 7) -> ResNetCase:
    """Give a module random weights and statistics, so that no norm is the identity."""
    randomized(model)
    generator = torch.Generator().manual_seed(2)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            assert module.running_var is not None
            module.weight.data.copy_(1 + 0.2 * torch.randn(module.num_features, generator=generator))
            module.running_mean.copy_(0.2 * torch.randn(module.num_features, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(module.num_features, generator=generator))
    return ResNetCase(model, classes)


def of_timm(block: str, layers: tuple[int, ...] = (1, 2, 1, 1), **options: Any) -> ResNetCase:
    """Return a small ResNet of timm with `BasicBlock` or `Bottleneck`."""
    from timm.models import resnet

    sizes = {"num_classes": 7, "channels": CHANNELS, **options}
    model = resnet.ResNet(getattr(resnet, block), layers, **sizes)
    return resnet_case(model, sizes["num_classes"])


def of_torchvision(block: str, layers: tuple[int, ...], **options: Any) -> ResNetCase:
    """Return a ResNet of torchvision with few blocks. Its channels cannot be changed."""
    from torchvision.models import resnet

    return resnet_case(resnet.ResNet(getattr(resnet, block), list(layers), num_classes=7, **options))


def with_small_stem() -> ResNetCase:
    """Return a ResNet as it is often changed for images of 32 pixels: a 3x3 convolution and no pooling."""
    case = of_timm("BasicBlock")
    case.model.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    case.model.maxpool = nn.Identity()
    return resnet_case(case.model)


def named(library: str, name: str, **options: Any) -> ResNetCase:
    """Return a published architecture with random weights."""
    import timm
    import torchvision

    make = timm.create_model if library == "timm" else torchvision.models.get_model
    return resnet_case(make(name, num_classes=7, **options))


SMALL: dict[str, Resnet] = {
    "timm: basic blocks": lambda: of_timm("BasicBlock"),
    "timm: basic blocks, first stage as wide as the stem": lambda: of_timm(
        "BasicBlock", channels=(64, 12, 16, 24)
    ),
    "timm: bottlenecks": lambda: of_timm("Bottleneck"),
    "timm: wide bottlenecks": lambda: of_timm("Bottleneck", base_width=128),
    "timm: without a classifier": lambda: of_timm("Bottleneck", num_classes=0),
    "timm: 3x3 stem without pooling": with_small_stem,
    "torchvision: basic blocks": lambda: of_torchvision("BasicBlock", (1, 1, 2, 1)),
    "torchvision: bottlenecks": lambda: of_torchvision("Bottleneck", (1, 2, 1, 1)),
}
REAL: dict[str, Resnet] = {
    f"{library}: {name}": lambda library=library, name=name: named(library, name)
    for library in ("timm", "torchvision")
    for name in ("resnet18", "resnet34", "resnet50", "resnet101")
} | {"torchvision: wide_resnet50_2": lambda: named("torchvision", "wide_resnet50_2")}
