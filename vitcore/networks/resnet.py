"""The residual networks of the UvA Deep Learning Tutorial 5 (He et al. 2016), with their parameter names.

These are the original ResNet for CIFAR and the pre-activation ResNet (He et al. 2016, "Identity mappings").
The defaults are three stages of three blocks with 16, 32 and 64 channels at 32x32, 16x16 and 8x8. They have
272,378 parameters, and 272,250 with pre-activation.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class ResNetBlock(nn.Module):
    """Two 3x3 convolutions and a residual.

    `subsample` halves the resolution, with a 1x1 convolution on the residual path.
    """

    def __init__(self, c_in: int, c_out: int, *, subsample: bool) -> None:
        super().__init__()
        stride = 2 if subsample else 1
        self.net = nn.Sequential(
            nn.Conv2d(c_in, c_out, kernel_size=3, padding=1, stride=stride, bias=False),
            nn.BatchNorm2d(c_out),
            nn.ReLU(),
            nn.Conv2d(c_out, c_out, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(c_out),
        )
        self.downsample = nn.Conv2d(c_in, c_out, kernel_size=1, stride=2) if subsample else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, c_in, H, W] -> [B, c_out, H, W], or half of H and W"""
        short = x if self.downsample is None else self.downsample(x)
        return torch.relu(self.net(x) + short)


class PreActResNetBlock(nn.Module):
    """A block with normalization and ReLU before each convolution, including the 1x1 one on the residual."""

    def __init__(self, c_in: int, c_out: int, *, subsample: bool) -> None:
        super().__init__()
        stride = 2 if subsample else 1
        self.net = nn.Sequential(
            nn.BatchNorm2d(c_in),
            nn.ReLU(),
            nn.Conv2d(c_in, c_out, kernel_size=3, padding=1, stride=stride, bias=False),
            nn.BatchNorm2d(c_out),
            nn.ReLU(),
            nn.Conv2d(c_out, c_out, kernel_size=3, padding=1, bias=False),
        )
        self.downsample = (
            nn.Sequential(
                nn.BatchNorm2d(c_in), nn.ReLU(), nn.Conv2d(c_in, c_out, kernel_size=1, stride=2, bias=False)
            )
            if subsample
            else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, c_in, H, W] -> [B, c_out, H, W], or half of H and W"""
        return self.net(x) + (x if self.downsample is None else self.downsample(x))


class ResNet(nn.Module):
    """See the module docstring."""

    block: type[nn.Module] = ResNetBlock
    activated_input = True  # whether normalization and ReLU follow the first convolution

    def __init__(
        self,
        *,
        c_hidden: Sequence[int] = (16, 32, 64),
        num_blocks: Sequence[int] = (3, 3, 3),
        num_classes: int = 10,
        image_size: int = 32,
        num_channels: int = 3,
    ) -> None:
        super().__init__()
        if image_size < 2 ** (len(c_hidden) - 1):
            raise ValueError(
                f"{len(c_hidden)} stages are too many for images of side {image_size}, because each but the "
                "first halves the resolution: use fewer stages"
            )
        self.image_size, self.num_blocks = image_size, tuple(num_blocks)
        first = nn.Conv2d(num_channels, c_hidden[0], kernel_size=3, padding=1, bias=False)
        after = (nn.BatchNorm2d(c_hidden[0]), nn.ReLU()) if self.activated_input else ()
        self.input_net = nn.Sequential(first, *after)
        blocks, c_in = [], c_hidden[0]
        for stage, (c_out, count) in enumerate(zip(c_hidden, num_blocks, strict=True)):
            for i in range(count):
                blocks.append(self.block(c_in, c_out, subsample=stage > 0 and i == 0))
                c_in = c_out
        self.blocks = nn.Sequential(*blocks)
        self.output_net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c_in, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalized images [B, C, S, S] -> logits [B, classes]"""
        return self.head(self.stages(images)[-1])

    def stages(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the feature maps after every stage, finest first.

        Shapes: [B, 16, S, S], [B, 32, S/2, S/2], [B, 64, S/4, S/4].
        """
        x, maps, done = self.input_net(images), [], 0
        for count in self.num_blocks:
            x = self.blocks[done : done + count](x)
            done += count
            maps.append(x)
        return maps

    def head(self, features: torch.Tensor) -> torch.Tensor:
        """The last stage's maps [B, c, h, w] -> logits [B, classes]"""
        return self.output_net(features)


class PreActResNet(ResNet):
    """A ResNet with pre-activation blocks. No normalization or ReLU follows the first convolution."""

    block = PreActResNetBlock
    activated_input = False
