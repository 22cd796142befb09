"""The Compact Convolutional Transformer (CCT, Hassani et al. 2021): a ViT with a few convolutions.

It is our ViT with three differences. A tokenizer of convolutions and max pooling replaces the patch
projection, so that neighboring tokens overlap. There is no CLS token: the head reads a weighted mean of all
tokens, whose weights are learned (sequence pooling). In a block, the layer norm of the MLP is part of the
residual stream (`cct` in `vitcore.networks.block`). The layers are those of the authors' code,
SHI-Labs/Compact-Transformers.

Shapes: B images, S pixels per side, P pixels per token side, N = (S/P)^2 tokens, D = embed_dim.
"""

from __future__ import annotations

import torch
from torch import nn

from vitcore.networks.tokenizer_sizes import layers_of, stride_of
from vitcore.networks.vit import ViT

HIDDEN_CHANNELS = 64  # of the convolutions before the last one


class Tokenizer(nn.Sequential):
    """Convolutions with ReLU and max pooling, each followed by the next. The last one has D channels.

    Their number and strides follow from the sizes (`vitcore.networks.tokenizer_sizes`).
    """

    def __init__(self, num_channels: int, embed_dim: int, patch_size: int, kernel_size: int) -> None:
        stride, padding = stride_of(kernel_size), max(1, kernel_size // 2)
        layers: list[nn.Module] = []
        before = num_channels
        for left in reversed(range(layers_of(patch_size, kernel_size))):
            width = HIDDEN_CHANNELS if left else embed_dim
            convolution = nn.Conv2d(before, width, kernel_size, stride, padding, bias=False)
            nn.init.kaiming_normal_(convolution.weight)
            layers += [convolution, nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1)]
            before = width
        super().__init__(*layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalized images [B, C, S, S] -> tokens [B, N, D], row by row"""
        return super().forward(images).flatten(2).transpose(1, 2)


class CCT(ViT):
    """See the module docstring, and `vitcore.architectures.cct.CCTOptions` for the options."""

    def __init__(
        self,
        *,
        embed_dim: int = 256,
        hidden_dim: int = 512,
        num_heads: int = 4,
        num_layers: int = 6,
        patch_size: int = 2,
        kernel_size: int = 3,
        position: str = "learned",
        dropout: float = 0.0,
        drop_path: float = 0.0,
        num_classes: int = 10,
        image_size: int = 32,
        num_channels: int = 3,
    ) -> None:
        super().__init__(
            tokenizer=Tokenizer(num_channels, embed_dim, patch_size, kernel_size),
            embed_dim=embed_dim,
            hidden_dim=hidden_dim,
            num_heads=num_heads,
            num_layers=num_layers,
            patch_size=patch_size,
            norm="cct",
            pool="mean",
            norm_tokens=True,
            position=position,
            dropout=dropout,
            drop_path=drop_path,
            qkv_bias=False,
            num_classes=num_classes,
            image_size=image_size,
            num_channels=num_channels,
        )
        self.pool = "sequence"
        self.attention_pool = nn.Linear(embed_dim, 1)
        self._initialize()

    def _initialize(self) -> None:
        """Draw the first weights as the authors do."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for block in self.blocks:
            nn.init.trunc_normal_(block.attn.in_proj_weight, std=0.02)
        if isinstance(self.pos_embedding, nn.Parameter):
            nn.init.trunc_normal_(self.pos_embedding, std=0.2)

    def shares(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens after the last block [B, N, D] -> their shares in what the head reads [B, 1, N], sum 1"""
        return self.attention_pool(self.mlp_head[0](x)).softmax(dim=1).transpose(1, 2)

    def normalized(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens [B, N, D] -> the weighted mean of the normalized tokens [B, D]"""
        return (self.shares(x) @ self.mlp_head[0](x)).squeeze(1)

    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens [B, N, D] -> the same mean of the tokens as they are [B, D]"""
        return (self.shares(x) @ x).squeeze(1)

    def read_out(self, rows: torch.Tensor, tokens: torch.Tensor | None = None) -> torch.Tensor:
        """Average over queries as the head averages over the tokens [B, N, D]. [B, N, K] -> [B, K]"""
        if tokens is None:
            raise ValueError("the shares of the tokens depend on the image: give the tokens")
        return (self.shares(tokens) @ rows).squeeze(-2)
