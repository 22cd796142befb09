"""The MLP-Mixer (Tolstikhin et al. 2021): a Vision Transformer with MLPs across patches, not attention.

Shapes: B images, N patches, D = embed_dim channels.
"""

from __future__ import annotations

import torch
from torch import nn

from vitcore.networks.dropout import DropPath
from vitcore.networks.vit import to_patches


def perceptron(width: int, hidden: int) -> nn.Sequential:
    """Return an MLP with one hidden layer. [..., width] -> [..., width]"""
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


class MixerBlock(nn.Module):
    """An MLP across the patches, then one across the channels, each pre-normalized and with a residual."""

    def __init__(self, patches: int, dim: int, token_dim: int, channel_dim: int, drop_path: float) -> None:
        super().__init__()
        self.layer_norm_1, self.layer_norm_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.tokens, self.channels = perceptron(patches, token_dim), perceptron(dim, channel_dim)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, N, D] -> [B, N, D]"""
        x = self.drop_path(x, lambda y: self.tokens(self.layer_norm_1(y).transpose(1, 2)).transpose(1, 2))
        return self.drop_path(x, lambda y: self.channels(self.layer_norm_2(y)))


class Mixer(nn.Module):
    """See the module docstring. The head classifies the mean over the patches."""

    def __init__(
        self,
        *,
        embed_dim: int = 192,
        token_dim: int = 96,
        channel_dim: int = 384,
        num_layers: int = 6,
        patch_size: int = 4,
        drop_path: float = 0.0,
        num_classes: int = 10,
        image_size: int = 32,
        num_channels: int = 3,
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ValueError(f"The image side {image_size} is not divisible by patch_size {patch_size}")
        self.patch_size, self.image_size, self.grid = patch_size, image_size, image_size // patch_size
        self.input_layer = nn.Linear(num_channels * patch_size**2, embed_dim)
        rates = [drop_path * i / max(1, num_layers - 1) for i in range(num_layers)]  # rising with depth
        self.blocks = nn.Sequential(
            *(MixerBlock(self.grid**2, embed_dim, token_dim, channel_dim, rate) for rate in rates)
        )
        self.layer_norm = nn.LayerNorm(embed_dim)
        self.output_layer = nn.Linear(embed_dim, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalized images [B, C, S, S] -> logits [B, classes]"""
        return self.head(self.stages(images)[-1])

    def stages(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the patches after the last block as one map [B, D, S/P, S/P], for Grad-CAM."""
        x = self.blocks(self.input_layer(to_patches(images, self.patch_size)))  # [B, N, D]
        return [x.transpose(1, 2).unflatten(2, (self.grid, self.grid))]

    def head(self, features: torch.Tensor) -> torch.Tensor:
        """The last stage's maps [B, D, h, w] -> logits [B, classes]"""
        return self.output_layer(self.layer_norm(features.flatten(2).transpose(1, 2)).mean(dim=1))
