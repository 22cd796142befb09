"""The Vision Transformer of the UvA Deep Learning Tutorial 15, with its parameter names.

The model follows Dosovitskiy et al. 2021. Read the module from top to bottom: patches, positions, attention,
block, model. The defaults are the tutorial's, with 3,195,146 parameters on 32x32 images. `forward` is fast.
`trace` runs the same layers and returns all attention weights and hidden states. A block that is given a
`Record` stores its intermediate results there. So no hooks are needed.

Shapes: B images, S pixels per side, P pixels per patch side, N = (S/P)^2 patches, T tokens (N, plus the CLS
token if there is one), D = embed_dim, H heads of d = D/H.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

Record = dict[str, torch.Tensor]  # the intermediate results of a block by name, see `Block.forward`


def noted(record: Record | None, name: str, value: torch.Tensor) -> torch.Tensor:
    """Return `value`, and store it in the record if there is one."""
    if record is not None:
        record[name] = value
    return value


@dataclass
class Trace:
    """The intermediate results of a forward pass. `layers` is the number of blocks."""

    logits: torch.Tensor  # [B, classes]
    weights: (
        torch.Tensor
    )  # [B, layers, H, T, T]: rows are queries and sum to 1; token 0 is CLS where there is one
    hidden: torch.Tensor  # [B, layers + 1, T, D]: the tokens before the first and after every block


def to_patches(images: torch.Tensor, size: int) -> torch.Tensor:
    """Cut images into square patches, row by row. [B, C, S, S] -> [B, N, C * P * P], the channel slowest."""
    b, c, h, w = images.shape
    x = images.reshape(b, c, h // size, size, w // size, size)
    x = x.permute(0, 2, 4, 1, 3, 5)  # [B, S/P, S/P, C, P, P]
    return x.flatten(3).flatten(1, 2)  # [B, N, C * P * P]


def sincos_positions(side: int, dim: int) -> torch.Tensor:
    """Return fixed two-dimensional position embeddings. -> [1, side^2, dim]

    sin x, cos x, sin y and cos y take a quarter of the channels each. Vaswani et al. 2017, in the
    two-dimensional form of Beyer et al. 2022 ("Better plain ViT baselines").
    """
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    omega = 1.0 / 10_000 ** (torch.arange(dim // 4) / max(1, dim // 4 - 1))
    x, y = x.flatten()[:, None] * omega, y.flatten()[:, None] * omega  # [side^2, dim / 4]
    return torch.cat([x.sin(), x.cos(), y.sin(), y.cos()], dim=1)[None]


class MaskedScale(torch.autograd.Function):
    """Zero the elements in `drop` and scale the rest. The backward pass stores only the mask, in bytes."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, drop: torch.Tensor, scale: float) -> torch.Tensor:
        ctx.save_for_backward(drop)
        ctx.scale = scale
        return x.masked_fill(drop, 0.0).mul_(scale)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (drop,) = ctx.saved_tensors
        return grad.masked_fill(drop, 0.0).mul_(ctx.scale), None, None


class Dropout(nn.Module):
    """Dropout (Srivastava et al. 2014) that is fast on a CPU, where `F.dropout` draws a number per element.

    On a CPU, the masks come from 64-bit words with 16 bits per element. The rate is exact to 1/65536, and the
    kept elements are scaled by exactly this rate. Other devices use torch's own dropout.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.rate == 0 or x.device.type != "cpu":
            return F.dropout(x, self.rate, self.training)
        level = round(self.rate * 65536)
        # from the smallest int64 on: random_() alone never sets the sign bit
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        drop = words.view(torch.int16)[: x.numel()].view(x.shape) < level - 32768
        return MaskedScale.apply(x, drop, 65536 / (65536 - level))


class DropPath(nn.Module):
    """Add a residual branch, but skip it for a random share of the samples (Huang et al. 2016).

    In each call, round(B * rate) of the B samples are skipped, and the branch is not computed for them. This
    is the batched form of Oquab et al. 2023 (DINOv2). At least one sample is kept, so that tiny batches skip
    fewer. The branch of the kept samples is scaled by B / kept, which preserves the mean.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor, branch: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """x [B, T, D] -> x + branch(x) [B, n, D], for the n <= T leading tokens that the branch returns."""
        size = x.shape[0]  # len(x) would fix the batch size in an exported graph
        count = max(1, size - round(size * self.rate)) if self.training else size
        if count == size:
            y = branch(x)
            return x[:, : y.shape[1]] + y
        if x.device.type == "cpu":
            kept = torch.randperm(size)[:count]
        else:  # as an operation that a CUDA graph can record
            kept = torch.rand(size, device=x.device).argsort()[:count]
        y = branch(x.index_select(0, kept))
        y = y.to(x.dtype)  # under mixed precision the branch is narrower than the stream
        return x[:, : y.shape[1]].index_add(0, kept, y, alpha=size / count)


class Attention(nn.Module):
    """Multi-head self-attention with the parameters of `torch.nn.MultiheadAttention`."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = Dropout(dropout)  # of the attention weights
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, x: torch.Tensor, queries: int | None = None, record: Record | None = None
    ) -> torch.Tensor:
        """Return the attention output of the first n = `queries` tokens (default: all).

        [B, T, D] -> [B, n, D]. A record gets q, k, v and mixed [B, H, ., d], the scaled scores and their
        softmax, the weights [B, H, n, T], and the joined heads [B, n, D].
        """
        (b, t, d), n = x.shape, queries or x.shape[1]
        if n == t:
            qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias)
            q, k, v = qkv.view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)  # [B, H, T, d]
        else:
            q = F.linear(x[:, :n], self.in_proj_weight[:d], self.in_proj_bias[:d])
            kv = F.linear(x, self.in_proj_weight[d:], self.in_proj_bias[d:])
            q = q.view(b, n, self.heads, d // self.heads).transpose(1, 2)  # [B, H, n, d]
            k, v = kv.view(b, t, 2, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)  # each [B, H, T, d]
        if record is None and not (self.training and self.dropout.rate):
            mixed = F.scaled_dot_product_attention(q, k, v)  # fused: does not store the [T, T] matrix
        else:  # the same without fusion: a softmax over all keys for every query
            scores = noted(record, "scores", q @ k.transpose(-2, -1) * (d // self.heads) ** -0.5)
            a = noted(record, "weights", scores.softmax(dim=-1))  # [B, H, n, T]
            mixed = self.dropout(a) @ v  # [B, H, n, d]
        for name, value in (("q", q), ("k", k), ("v", v), ("mixed", mixed)):
            noted(record, name, value)
        return self.out_proj(noted(record, "joined", mixed.transpose(1, 2).reshape(b, n, d)))


class Block(nn.Module):
    """Attention and a two-layer MLP, each with a residual.

    Normalization comes before the branch (pre) or after the sum (post).
    """

    def __init__(
        self, dim: int, hidden: int, heads: int, norm: str, dropout: float, drop_path: float
    ) -> None:
        super().__init__()
        self.pre = norm == "pre"
        self.layer_norm_1 = nn.LayerNorm(dim)
        self.attn = Attention(dim, heads, dropout)
        self.layer_norm_2 = nn.LayerNorm(dim)
        self.linear = nn.Sequential(
            nn.Linear(dim, hidden),
            nn.GELU(),
            Dropout(dropout),
            nn.Linear(hidden, dim),
            Dropout(dropout),
        )
        self.drop_path = DropPath(drop_path)

    def forward(
        self, x: torch.Tensor, queries: int | None = None, record: Record | None = None
    ) -> torch.Tensor:
        """[B, T, D] -> [B, n, D]: the first n = `queries` tokens (default: all) after the block.

        A record gets the input, the two sums with the residual (sum_1, sum_2), the stream after attention
        (middle) and after the block (output), and what `attend` and `feed_forward` store, all [B, ., D].
        """
        noted(record, "input", x)
        if self.pre:
            x = self.drop_path(x, lambda y: self.attend(self.layer_norm_1(y), queries, record))
            noted(record, "middle", noted(record, "sum_1", x))
            x = self.drop_path(x, lambda y: self.feed_forward(self.layer_norm_2(y), record))
            return noted(record, "output", noted(record, "sum_2", x))
        x = noted(record, "sum_1", self.drop_path(x, lambda y: self.attend(y, queries, record)))
        x = noted(record, "middle", self.layer_norm_1(x))
        x = noted(record, "sum_2", self.drop_path(x, lambda y: self.feed_forward(y, record)))
        return noted(record, "output", self.layer_norm_2(x))

    def attend(
        self, x: torch.Tensor, queries: int | None = None, record: Record | None = None
    ) -> torch.Tensor:
        """Return the attention branch. A record gets attention_input, projected, and those of `Attention`."""
        return noted(record, "projected", self.attn(noted(record, "attention_input", x), queries, record))

    def feed_forward(self, x: torch.Tensor, record: Record | None = None) -> torch.Tensor:
        """Return the MLP branch. A record gets mlp_input, hidden (before GELU), active (after it) and mlp."""
        widen, gelu, drop, narrow, drop_output = self.linear
        hidden = noted(record, "hidden", widen(noted(record, "mlp_input", x)))
        active = noted(record, "active", gelu(hidden))
        return noted(record, "mlp", drop_output(narrow(drop(active))))


class ViT(nn.Module):
    """See the module docstring. Pooling `cls` uses a learned token in front; `mean` has no such token."""

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
        num_classes: int = 10,
        image_size: int = 32,
        num_channels: int = 3,
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ValueError(f"The image side {image_size} is not divisible by patch_size {patch_size}")
        if embed_dim % num_heads:
            raise ValueError(f"embed_dim {embed_dim} is not divisible by num_heads {num_heads}")
        side = image_size // patch_size
        self.patch_size, self.image_size, self.grid, self.pool = patch_size, image_size, side, pool
        self.has_cls = pool == "cls"
        tokens = side * side + self.has_cls

        self.input_layer = nn.Linear(num_channels * patch_size**2, embed_dim)
        if self.has_cls:
            self.cls_token = nn.Parameter(torch.randn(1, 1, embed_dim) * init_std)
        if position == "learned":
            self.pos_embedding = nn.Parameter(torch.randn(1, tokens, embed_dim) * init_std)
        else:
            fixed = (
                sincos_positions(side, embed_dim)
                if position == "sincos"
                else torch.zeros(1, side * side, embed_dim)
            )
            fixed = F.pad(fixed, (0, 0, int(self.has_cls), 0))  # CLS has no position
            self.register_buffer("pos_embedding", fixed, persistent=False)
        self.dropout = Dropout(dropout)
        rates = [drop_path * i / max(1, num_layers - 1) for i in range(num_layers)]  # rising with depth
        self.transformer = nn.Sequential(
            *(Block(embed_dim, hidden_dim, num_heads, norm, dropout, rate) for rate in rates)
        )
        self.mlp_head = nn.Sequential(nn.LayerNorm(embed_dim), nn.Linear(embed_dim, num_classes))

    def forward(self, images: torch.Tensor, *, keep: float = 1.0) -> torch.Tensor:
        """Normalized images [B, C, S, S] -> logits [B, classes].

        `keep` below 1 shows the model a random share of each image's patches (PatchDropout, Liu et al. 2023).
        """
        x = self.embed(images)
        if keep < 1:
            x = self._subset(x, keep)
        *blocks, last = self.transformer
        for block in blocks:
            x = block(x)
        return self.head(last(x, queries=1 if self.has_cls else None))  # the head uses only CLS

    @property
    def blocks(self) -> list[Block]:
        """The blocks of the encoder, first to last."""
        return [block for block in self.transformer if isinstance(block, Block)]

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
        x = self.input_layer(to_patches(images, self.patch_size))  # [B, N, D]
        if self.has_cls:
            x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1)  # [B, T, D]
        return self.dropout(x + self.pos_embedding)

    def head(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens [B, T, D] -> logits [B, classes]. Applied to an earlier layer, this is the logit lens."""
        return self.mlp_head(self.pooled(x))

    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens [B, T, D] -> what the head reads [B, D]: CLS, or the mean of all tokens."""
        return x[:, 0] if self.has_cls else x.mean(dim=1)

    def _subset(self, x: torch.Tensor, keep: float) -> torch.Tensor:
        first = int(self.has_cls)
        count = max(1, round(self.grid**2 * keep))
        chosen = (
            torch.rand(len(x), self.grid**2, device=x.device).argsort(dim=1)[:, :count] + first
        )  # [B, count]
        kept = x.gather(1, chosen[..., None].expand(-1, -1, x.shape[-1]))
        return torch.cat([x[:, :first], kept], dim=1)  # [B, first + count, D]
