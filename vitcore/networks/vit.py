"""The Vision Transformer of the UvA Deep Learning Tutorial 15, with its parameter names.

The model follows Dosovitskiy et al. 2021. Attention and the blocks are in `vitcore.networks.block`. This
module has, from top to bottom, the patches, the tokens and the head. The defaults are the tutorial's, with
3,195,146 parameters on 32x32 images. Other options make it the model of DeiT, DINO, DINOv2, DINOv3, MAE or
CLIP (`vitcore.exchange.families`). `forward` is fast. `trace` runs the same layers and returns all attention
weights and hidden states. So no hooks are needed.

Shapes: B images, S pixels per side, P pixels per patch side, N = (S/P)^2 patches, D = embed_dim, H heads of
d = D/H. The T tokens are, in this order, CLS, the distillation token and the registers, as far as the model
has them (`prefix_tokens`), and the N patches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from vitcore.networks.block import Block, Record
from vitcore.networks.dropout import Dropout
from vitcore.networks.positions import Rotary, sincos_positions
from vitcore.networks.stem import ConvStem


@dataclass
class Trace:
    """The intermediate results of a forward pass. `layers` is the number of blocks."""

    logits: torch.Tensor  # [B, classes], or the features [B, F] of a model without a classifier
    weights: torch.Tensor  # [B, layers, H, T, T]: rows are queries and sum to 1
    hidden: torch.Tensor  # [B, layers + 1, T, D]: the tokens before the first and after every block


def to_patches(images: torch.Tensor, size: int) -> torch.Tensor:
    """Cut images into square patches, row by row. [B, C, S, S] -> [B, N, C * P * P], the channel slowest."""
    b, c, h, w = images.shape
    x = images.reshape(b, c, h // size, size, w // size, size)
    x = x.permute(0, 2, 4, 1, 3, 5)  # [B, S/P, S/P, C, P, P]
    return x.flatten(3).flatten(1, 2)  # [B, N, C * P * P]


class ViT(nn.Module):
    """See the module docstring, and `vitcore.architectures.vit.ViTOptions` for the meaning of the options.

    With `num_classes=0` there is no classifier: the outputs are the features [B, F] that one would read. A
    `tokenizer` (images [B, C, S, S] -> tokens [B, N, D]) takes the place of the patch projection.
    """

    def __init__(
        self,
        *,
        embed_dim: int = 256,
        hidden_dim: int = 512,
        num_heads: int = 8,
        num_layers: int = 6,
        patch_size: int = 4,
        norm: str = "pre",
        pool: str = "cls",
        position: str = "learned",
        dropout: float = 0.0,
        drop_path: float = 0.0,
        init_std: float = 1.0,
        registers: int = 0,
        distilled: bool = False,
        cls_position: bool = True,
        embed_norm: bool = False,
        norm_tokens: bool = False,
        representation: int = 0,
        projection: int = 0,
        patch_bias: bool = True,
        conv_stem: bool = False,
        tokenizer: nn.Module | None = None,
        num_classes: int = 10,
        image_size: int = 32,
        num_channels: int = 3,
        **of_blocks: Any,  # qkv_bias, block_bias, layer_scale, activation, norm_eps, see `Block`
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ValueError(f"The image side {image_size} is not divisible by patch_size {patch_size}")
        if embed_dim % num_heads:
            raise ValueError(f"embed_dim {embed_dim} is not divisible by num_heads {num_heads}")
        side, eps = image_size // patch_size, of_blocks.get("norm_eps", 1e-5)
        self.patch_size, self.image_size, self.grid, self.pool = patch_size, image_size, side, pool
        self.has_cls, self.distilled, self.cls_position = pool != "mean", distilled, cls_position
        self.prefix_tokens = self.has_cls + distilled + registers  # before the first patch
        self.norm_tokens = norm_tokens or distilled or pool == "cls_mean"  # the last norm is before pooling
        placed = self.has_cls + distilled if cls_position else 0  # tokens with positions, before the patches

        if conv_stem:
            tokenizer = ConvStem(num_channels, embed_dim, patch_size)
        self.convolutional = tokenizer is not None  # whether the tokens come from more than one patch
        projection_size = num_channels * patch_size**2
        self.input_layer = tokenizer or nn.Linear(projection_size, embed_dim, bias=patch_bias)
        if self.has_cls:
            self.cls_token = nn.Parameter(torch.randn(1, 1, embed_dim) * init_std)
        if distilled:
            self.distillation_token = nn.Parameter(torch.randn(1, 1, embed_dim) * init_std)
        if registers:
            self.register_tokens = nn.Parameter(torch.randn(1, registers, embed_dim) * init_std)
        if position == "learned":
            self.pos_embedding = nn.Parameter(torch.randn(1, placed + side * side, embed_dim) * init_std)
        else:  # rotary positions are not added to the tokens
            fixed = (
                sincos_positions(side, embed_dim)
                if position == "sincos"
                else torch.zeros(1, side * side, embed_dim)
            )
            fixed = F.pad(fixed, (0, 0, placed, 0))  # only patches have fixed positions
            self.register_buffer("pos_embedding", fixed, persistent=False)
        self.dropout = Dropout(dropout)
        self.embed_norm = nn.LayerNorm(embed_dim, eps) if embed_norm else None
        rotary = Rotary(side, embed_dim // num_heads, self.prefix_tokens) if position == "rotary" else None
        rates = [drop_path * i / max(1, num_layers - 1) for i in range(num_layers)]  # rising with depth
        self.transformer = nn.Sequential(
            *(
                Block(embed_dim, hidden_dim, num_heads, norm, dropout, rate, rotary=rotary, **of_blocks)
                for rate in rates
            )
        )
        width = 2 * embed_dim if pool == "cls_mean" else embed_dim
        self.pre_logits = (
            nn.Sequential(nn.Linear(width, representation), nn.Tanh()) if representation else None
        )
        width = representation or width
        self.projection = nn.Linear(width, projection, bias=False) if projection else None
        width = projection or width
        self.mlp_head = nn.Sequential(nn.LayerNorm(embed_dim, eps))
        if num_classes:
            self.mlp_head.append(nn.Linear(width, num_classes))
        self.distillation_head = nn.Linear(width, num_classes) if distilled and num_classes else None

    def forward(self, images: torch.Tensor, *, keep: float = 1.0) -> torch.Tensor:
        """Normalized images [B, C, S, S] -> logits [B, classes], or features [B, F] without a classifier.

        `keep` below 1 shows the model a random share of each image's patches (PatchDropout, Liu et al. 2023).
        """
        x, kept = self.embed(images), None
        if keep < 1:
            count = max(1, round(self.grid**2 * keep))
            kept = torch.rand(len(x), self.grid**2, device=x.device).argsort(dim=1)[:, :count]  # [B, count]
            x = self.visible(x, kept)
        *blocks, last = self.transformer
        for block in blocks:
            x = block(x, kept=kept)
        return self.head(last(x, queries=1 + self.distilled if self.pool == "cls" else None, kept=kept))

    @property
    def blocks(self) -> list[Block]:
        """The blocks of the encoder, first to last."""
        return [block for block in self.transformer if isinstance(block, Block)]

    @property
    def has_classifier(self) -> bool:
        """Whether the outputs are logits of classes and not features."""
        return len(self.mlp_head) > 1

    @property
    def patch_positions(self) -> torch.Tensor:
        """The position embeddings of the patches. [N, D]"""
        return self.pos_embedding[0, -(self.grid**2) :]

    def trace(self, images: torch.Tensor) -> Trace:
        """Run `forward` on all patches, and return every layer's attention weights and hidden states.

        The model must be in evaluation mode.
        """
        if self.training:
            raise RuntimeError("trace needs model.eval(): in training mode dropout would falsify the weights")
        weights: list[torch.Tensor] = []
        hidden = [self.embed(images)]
        for block in self.transformer:
            record: Record = {}
            hidden.append(block(hidden[-1], record=record))
            weights.append(record["weights"])
        return Trace(self.head(hidden[-1]), torch.stack(weights, dim=1), torch.stack(hidden, dim=1))

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Normalized images [B, C, S, S] -> tokens with positions [B, T, D]."""
        return self.placed(self.patches(images))

    def placed(self, x: torch.Tensor) -> torch.Tensor:
        """Projections of patches [B, N, D] -> all tokens with positions [B, T, D]"""
        if not self.cls_position:
            x = x + self.pos_embedding
        front = [self.cls_token] if self.has_cls else []
        if self.distilled:
            front.append(self.distillation_token)
        if front:
            x = torch.cat([*(token.expand(x.shape[0], -1, -1) for token in front), x], dim=1)
        if self.cls_position:
            x = x + self.pos_embedding
        if self.prefix_tokens > len(front):  # registers have no positions
            registers = self.register_tokens.expand(x.shape[0], -1, -1)
            x = torch.cat([x[:, : len(front)], registers, x[:, len(front) :]], dim=1)  # [B, T, D]
        x = self.dropout(x)
        return x if self.embed_norm is None else self.embed_norm(x)

    def visible(self, x: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Keep the tokens of some patches, and those before the first patch.

        Tokens [B, T, D] and numbers of patches int64 [B, K] -> [B, T - N + K, D], in the given order.
        """
        first = self.prefix_tokens
        kept = x.gather(1, (chosen + first)[..., None].expand(-1, -1, x.shape[-1]))
        return torch.cat([x[:, :first], kept], dim=1)

    def patches(self, images: torch.Tensor) -> torch.Tensor:
        """Normalized images [B, C, S, S] -> the projections of their patches [B, N, D], without positions."""
        return self.input_layer(images if self.convolutional else to_patches(images, self.patch_size))

    def head(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens [B, T, D] -> logits [B, classes], or features [B, F] without a classifier.

        Applied to an earlier layer, this is the logit lens.
        """
        return self.classify(self.normalized(x))

    def normalized(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens [B, T, D] -> pooled and normalized tokens [B, D], in the order of `norm_tokens`."""
        norm = self.mlp_head[0]
        return self.pooled(norm(x)) if self.norm_tokens else norm(self.pooled(x))

    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens [B, T, D] -> what the head reads: CLS or the mean over the patches [B, D].

        With pooling `cls_mean`, it is both [B, 2 D]. If there is a distillation token, it is CLS and this
        token [B, 2 D].
        """
        if self.distilled:
            return x[:, :2].flatten(1)
        if self.pool == "cls":
            return x[:, 0]
        mean = x[:, self.prefix_tokens :].mean(dim=1)
        return torch.cat([x[:, 0], mean], dim=1) if self.pool == "cls_mean" else mean

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits [B, classes] of what `normalized` returns, or the features [B, F].

        The logits of the two heads of a distilled model are averaged (Touvron et al. 2021, DeiT).
        """
        x = self.features(x)
        if self.distillation_head is not None:
            first, second = x.chunk(2, dim=1)
            return (self.mlp_head[1](first) + self.distillation_head(second)) / 2
        return self.mlp_head[1](x) if self.has_classifier else x

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the classifier reads [B, F], given what `normalized` returns.

        The two tokens of a distilled model are averaged if it has no classifier.
        """
        if self.distilled and not self.has_classifier:
            return x.unflatten(1, (2, -1)).mean(dim=1)
        x = x if self.pre_logits is None else self.pre_logits(x)
        return x if self.projection is None else self.projection(x)

    def read_out(self, rows: torch.Tensor, tokens: torch.Tensor | None = None) -> torch.Tensor:
        """Average over queries as the head averages over tokens. [..., T, K] -> [..., K]

        This is the row of CLS or the mean over the rows of the patches. If the head reads CLS and another
        part, it is the mean of both. Only where the average depends on the image does it need the `tokens`
        after the last block.
        """
        if self.distilled:
            return rows[..., :2, :].mean(dim=-2)
        if self.pool == "cls":
            return rows[..., 0, :]
        mean = rows[..., self.prefix_tokens :, :].mean(dim=-2)
        return (rows[..., 0, :] + mean) / 2 if self.pool == "cls_mean" else mean
