"""The GoogleNet of the UvA Deep Learning Tutorial 5 (after Szegedy et al. 2015), with its parameter names.

It has 260,650 parameters and eight Inception blocks. Max pooling halves the resolution after the second and
the sixth.
"""

from __future__ import annotations

import torch
from torch import nn

# per block: output channels of 1x1; (reduction, output) of 3x3 and of 5x5; output of the pooled branch
FIRST = (
    (16, (32, 32), (16, 8), 8),
    (24, (32, 48), (16, 12), 12),
)
SECOND = (
    (24, (32, 48), (16, 12), 12),
    (16, (32, 48), (16, 16), 16),
    (16, (32, 48), (16, 16), 16),
    (32, (32, 48), (16, 24), 24),
)
THIRD = (
    (32, (48, 64), (16, 16), 16),
    (32, (48, 64), (16, 16), 16),
)


def convolution(c_in: int, c_out: int, kernel: int) -> list[nn.Module]:
    """Return a convolution with bias, batch normalization and ReLU, which keep the resolution."""
    return [nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2), nn.BatchNorm2d(c_out), nn.ReLU()]


class InceptionBlock(nn.Module):
    """Four parallel branches over the same maps. [B, c_in, H, W] -> [B, sum of the outputs, H, W]"""

    def __init__(
        self, c_in: int, one: int, three: tuple[int, int], five: tuple[int, int], pooled: int
    ) -> None:
        super().__init__()
        self.conv_1x1 = nn.Sequential(*convolution(c_in, one, 1))
        self.conv_3x3 = nn.Sequential(*convolution(c_in, three[0], 1), *convolution(*three, 3))
        self.conv_5x5 = nn.Sequential(*convolution(c_in, five[0], 1), *convolution(*five, 5))
        self.max_pool = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), *convolution(c_in, pooled, 1))
        self.c_out = one + three[1] + five[1] + pooled

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.conv_1x1(x), self.conv_3x3(x), self.conv_5x5(x), self.max_pool(x)], dim=1)


class GoogleNet(nn.Module):
    """See the module docstring."""

    def __init__(self, *, num_classes: int = 10, image_size: int = 32, num_channels: int = 3) -> None:
        super().__init__()
        self.image_size, self.ends = image_size, []
        self.input_net = nn.Sequential(*convolution(num_channels, 64, 3))
        layers: list[nn.Module] = []
        channels = 64
        for group in (FIRST, SECOND, THIRD):
            if layers:
                layers.append(nn.MaxPool2d(3, stride=2, padding=1))
            for sizes in group:
                block = InceptionBlock(channels, *sizes)
                layers.append(block)
                channels = block.c_out
            self.ends.append(len(layers))
        self.inception_blocks = nn.Sequential(*layers)
        self.output_net = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalized images [B, C, S, S] -> logits [B, classes]"""
        return self.head(self.stages(images)[-1])

    def stages(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the feature maps before each halving and at the end.

        Shapes: [B, 96, S, S], [B, 128, S/2, S/2], [B, 128, S/4, S/4].
        """
        x, maps, done = self.input_net(images), [], 0
        for end in self.ends:
            x = self.inception_blocks[done:end](x)
            done = end
            maps.append(x)
        return maps

    def head(self, features: torch.Tensor) -> torch.Tensor:
        """The last stage's maps [B, c, h, w] -> logits [B, classes]"""
        return self.output_net(features)
