"""The residual networks of the UvA Deep Learning Tutorial 5 (He et al. 2016), with their parameter names.

These are the original ResNet for CIFAR and the pre-activation ResNet (He et al. 2016, "Identity mappings").
The defaults are three stages of three blocks with 16, 32 and 64 channels at 32x32, 16x16 and 8x8. They have
272,378 parameters, and 272,250 with pre-activation.

With other options the ResNet is one of those for ImageNet, such as ResNet-18 and ResNet-50: a 7x7 convolution
and max pooling, which quarter the resolution, bottleneck blocks in the deeper ones, and a batch norm on the
residual path. The stride of a bottleneck is that of its 3x3 convolution, as in timm and torchvision.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


def shortcut_layer(
    c_in: int, c_out: int, stride: int, kind: str = "conv", norm_eps: float = 1e-5
) -> nn.Module | None:
    """Return the layer on the residual path, or None where the block keeps the shape of its input.

    `kind` is `conv`, a 1x1 convolution with bias, or `conv_norm`, one with a batch norm.
    """
    if stride == 1 and c_in == c_out:
        return None
    conv = nn.Conv2d(c_in, c_out, kernel_size=1, stride=stride, bias=kind == "conv")
    return conv if kind == "conv" else nn.Sequential(conv, nn.BatchNorm2d(c_out, norm_eps))


class ResNetBlock(nn.Module):
    """Two 3x3 convolutions and a residual. The first one has the stride."""

    def __init__(
        self, c_in: int, c_out: int, *, stride: int = 1, shortcut: str = "conv", norm_eps: float = 1e-5
    ) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(c_in, c_out, kernel_size=3, padding=1, stride=stride, bias=False),
            nn.BatchNorm2d(c_out, norm_eps),
            nn.ReLU(),
            nn.Conv2d(c_out, c_out, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(c_out, norm_eps),
        )
        self.downsample = shortcut_layer(c_in, c_out, stride, shortcut, norm_eps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, c_in, H, W] -> [B, c_out, H, W], or half of H and W"""
        short = x if self.downsample is None else self.downsample(x)
        return torch.relu(self.net(x) + short)


class Bottleneck(nn.Module):
    """A 3x3 convolution of few channels between two 1x1 convolutions, and a residual.

    The first convolution reduces the channels to `width`, the 3x3 one has the stride, and the last one has
    `c_out` channels.
    """

    def __init__(
        self,
        c_in: int,
        width: int,
        c_out: int,
        *,
        stride: int = 1,
        shortcut: str = "conv",
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(c_in, width, kernel_size=1, bias=False),
            nn.BatchNorm2d(width, norm_eps),
            nn.ReLU(),
            nn.Conv2d(width, width, kernel_size=3, padding=1, stride=stride, bias=False),
            nn.BatchNorm2d(width, norm_eps),
            nn.ReLU(),
            nn.Conv2d(width, c_out, kernel_size=1, bias=False),
            nn.BatchNorm2d(c_out, norm_eps),
        )
        self.downsample = shortcut_layer(c_in, c_out, stride, shortcut, norm_eps)

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

    pre = False  # pre-activation: no normalization and no ReLU follow the first convolution

    def __init__(
        self,
        *,
        c_hidden: Sequence[int] = (16, 32, 64),
        num_blocks: Sequence[int] = (3, 3, 3),
        num_classes: int = 10,
        image_size: int = 32,
        num_channels: int = 3,
        stem: str = "3x3",
        c_stem: int = 0,
        block: str = "basic",
        expansion: int = 4,
        shortcut: str = "conv",
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        smallest = 2 ** (len(c_hidden) - 1) * (4 if stem == "7x7" else 1)
        if image_size < smallest:
            quarters = ", and the 7x7 stem quarters it" if stem == "7x7" else ""
            raise ValueError(
                f"{len(c_hidden)} stages are too many for images of side {image_size}, because each but the "
                f"first halves the resolution{quarters}: use fewer stages"
            )
        self.image_size, self.num_blocks = image_size, tuple(num_blocks)
        c_in = c_stem or c_hidden[0]
        self.input_net = self._stem(num_channels, c_in, stem, norm_eps)
        blocks, details = [], {"shortcut": shortcut, "norm_eps": norm_eps}
        for stage, (width, count) in enumerate(zip(c_hidden, num_blocks, strict=True)):
            for i in range(count):
                stride = 2 if stage > 0 and i == 0 else 1
                c_out = width * expansion if block == "bottleneck" else width
                if self.pre:
                    blocks.append(PreActResNetBlock(c_in, c_out, subsample=stride == 2))
                elif block == "bottleneck":
                    blocks.append(Bottleneck(c_in, width, c_out, stride=stride, **details))
                else:
                    blocks.append(ResNetBlock(c_in, c_out, stride=stride, **details))
                c_in = c_out
        self.blocks = nn.Sequential(*blocks)
        # without classes, the outputs are the features that a classifier would read
        classifier = (nn.Linear(c_in, num_classes),) if num_classes else ()
        self.output_net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), *classifier)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def _stem(self, channels: int, c_out: int, kind: str, norm_eps: float) -> nn.Sequential:
        """Return the layers before the first block: [B, channels, S, S] -> [B, c_out, S, S], or S/4."""
        if kind == "7x7":
            first = nn.Conv2d(channels, c_out, kernel_size=7, padding=3, stride=2, bias=False)
            pool = nn.MaxPool2d(kernel_size=3, padding=1, stride=2)
            return nn.Sequential(first, nn.BatchNorm2d(c_out, norm_eps), nn.ReLU(), pool)
        first = nn.Conv2d(channels, c_out, kernel_size=3, padding=1, bias=False)
        after = () if self.pre else (nn.BatchNorm2d(c_out, norm_eps), nn.ReLU())
        return nn.Sequential(first, *after)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalized images [B, C, S, S] -> logits [B, classes]"""
        return self.head(self.stages(images)[-1])

    def stages(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the feature maps after every stage, finest first.

        Shapes: [B, 16, S, S], [B, 32, S/2, S/2], [B, 64, S/4, S/4]. The 7x7 stem quarters all sides.
        """
        x, maps, done = self.input_net(images), [], 0
        for count in self.num_blocks:
            x = self.blocks[done : done + count](x)
            done += count
            maps.append(x)
        return maps

    def head(self, features: torch.Tensor) -> torch.Tensor:
        """The last stage's maps [B, c, h, w] -> logits [B, classes], or features [B, c] without classes"""
        return self.output_net(features)


class PreActResNet(ResNet):
    """A ResNet with pre-activation blocks. It has only the options of the tutorial."""

    pre = True
