"""The DenseNet of the UvA Deep Learning Tutorial 5 (after Huang et al. 2017), with its parameter names.

Defaults: four dense blocks of six layers, growth 16, bottleneck 32; 239,146 parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class DenseLayer(nn.Module):
    """Compute `growth` new channels and put them before the input. [B, c, H, W] -> [B, growth + c, H, W]"""

    def __init__(self, c_in: int, bn_size: int, growth: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.BatchNorm2d(c_in),
            nn.ReLU(),
            nn.Conv2d(c_in, bn_size * growth, kernel_size=1, bias=False),
            nn.BatchNorm2d(bn_size * growth),
            nn.ReLU(),
            nn.Conv2d(bn_size * growth, growth, kernel_size=3, padding=1, bias=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.net(x), x], dim=1)


class DenseBlock(nn.Module):
    """Dense layers, each of which takes the outputs of all layers before it."""

    def __init__(self, c_in: int, count: int, bn_size: int, growth: int) -> None:
        super().__init__()
        self.block = nn.Sequential(*(DenseLayer(c_in + i * growth, bn_size, growth) for i in range(count)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block(x)


class Transition(nn.Module):
    """The transition between dense blocks: fewer channels, half the resolution."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.transition = nn.Sequential(
            nn.BatchNorm2d(c_in),
            nn.ReLU(),
            nn.Conv2d(c_in, c_out, kernel_size=1, bias=False),
            nn.AvgPool2d(kernel_size=2, stride=2),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.transition(x)


class DenseNet(nn.Module):
    """See the module docstring."""

    def __init__(
        self,
        *,
        num_layers: Sequence[int] = (6, 6, 6, 6),
        bn_size: int = 2,
        growth_rate: int = 16,
        num_classes: int = 10,
        image_size: int = 32,
        num_channels: int = 3,
    ) -> None:
        super().__init__()
        if image_size < 2 ** (len(num_layers) - 1):
            raise ValueError(
                f"{len(num_layers)} dense blocks are too many for images of side {image_size}, because each "
                "but the first halves the resolution: use fewer blocks"
            )
        self.image_size = image_size
        channels = bn_size * growth_rate
        self.input_net = nn.Sequential(nn.Conv2d(num_channels, channels, kernel_size=3, padding=1))
        blocks: list[nn.Module] = []
        for i, count in enumerate(num_layers):
            if i:
                blocks.append(Transition(channels, channels // 2))
                channels //= 2
            blocks.append(DenseBlock(channels, count, bn_size, growth_rate))
            channels += count * growth_rate
        self.blocks = nn.Sequential(*blocks)
        self.output_net = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels, num_classes),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalized images [B, C, S, S] -> logits [B, classes]"""
        return self.head(self.stages(images)[-1])

    def stages(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the feature maps after every dense block.

        Shapes: [B, 128, S, S], [B, 160, S/2, S/2], [B, 176, S/4, S/4], [B, 184, S/8, S/8].
        """
        x, maps = self.input_net(images), []
        for block in self.blocks:
            x = block(x)
            if isinstance(block, DenseBlock):
                maps.append(x)
        return maps

    def head(self, features: torch.Tensor) -> torch.Tensor:
        """The last stage's maps [B, c, h, w] -> logits [B, classes]"""
        return self.output_net(features)
