"""Convolutions that turn an image into the tokens of a transformer, in place of a linear map of each patch.

Shapes: B images, S pixels per side, P pixels per token side, D channels of a token.
"""

from __future__ import annotations

import torch
from torch import nn

from vitcore.networks.tokenizer_sizes import stem_widths


class ConvStem(nn.Sequential):
    """The convolutional stem of Xiao et al. 2021: every 3x3 convolution halves the side, the last one is 1x1.

    It has log2(P) convolutions of stride 2, each with batch norm and ReLU. Their channels double up to D, as
    in the paper's ViT_C of one and of four gigaflops: D/2 and D for P = 4.
    """

    def __init__(self, num_channels: int, embed_dim: int, patch_size: int) -> None:
        layers: list[nn.Module] = []
        before = num_channels
        for width in stem_widths(patch_size, embed_dim):
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width)]
            layers.append(nn.ReLU(inplace=True))
            before = width
        super().__init__(*layers, nn.Conv2d(before, embed_dim, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalized images [B, C, S, S] -> tokens [B, N, D], row by row"""
        return super().forward(images).flatten(2).transpose(1, 2)
