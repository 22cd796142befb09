"""The encoder block of the Vision Transformer: attention, and an MLP.

A block that is given a `Record` stores its intermediate results there. So no hooks are needed.

Shapes: B images, T tokens, D = dim, H heads of d = D/H.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from vitcore.networks.dropout import Dropout, DropPath
from vitcore.networks.positions import Rotary

Record = dict[str, torch.Tensor]  # the intermediate results of a block by name, see `Block.forward`


def noted(record: Record | None, name: str, value: torch.Tensor) -> torch.Tensor:
    """Return `value`, and store it in the record if there is one."""
    if record is not None:
        record[name] = value
    return value


class QuickGELU(nn.Module):
    """The approximation x * sigmoid(1.702 x) of GELU, with which CLIP was trained (Radford et al. 2021)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(1.702 * x)


def activation_layer(name: str) -> nn.Module:
    """Return the activation of the MLPs: `gelu`, `gelu_tanh` (its approximation by tanh) or `quick_gelu`."""
    return QuickGELU() if name == "quick_gelu" else nn.GELU("tanh" if name == "gelu_tanh" else "none")


class Attention(nn.Module):
    """Multi-head self-attention with the parameters of `torch.nn.MultiheadAttention`.

    With `rotary`, queries and keys are turned by the positions of their patches.
    """

    in_proj_bias: nn.Parameter | None

    def __init__(
        self,
        dim: int,
        heads: int,
        dropout: float,
        *,
        qkv_bias: bool = True,
        out_bias: bool = True,
        rotary: Rotary | None = None,
    ) -> None:
        super().__init__()
        self.heads, self.rotary = heads, rotary
        self.dropout = Dropout(dropout)  # of the attention weights
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.register_parameter("in_proj_bias", nn.Parameter(torch.zeros(3 * dim)) if qkv_bias else None)
        self.out_proj = nn.Linear(dim, dim, bias=out_bias)
        nn.init.xavier_uniform_(self.in_proj_weight)
        if out_bias:
            nn.init.zeros_(self.out_proj.bias)

    def forward(
        self,
        x: torch.Tensor,
        queries: int | None = None,
        record: Record | None = None,
        kept: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the attention output of the first n = `queries` tokens (default: all).

        [B, T, D] -> [B, n, D]. A record gets q, k (both as they are after rotary positions), v and mixed
        [B, H, ., d], the scaled scores and their softmax, the weights [B, H, n, T], and the joined heads
        [B, n, D]. `kept`: see `Rotary.forward`.
        """
        (b, t, d), n = x.shape, queries or x.shape[1]
        if n == t:
            qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias)
            q, k, v = qkv.view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)  # [B, H, T, d]
        else:
            bias = self.in_proj_bias
            q = F.linear(x[:, :n], self.in_proj_weight[:d], None if bias is None else bias[:d])
            kv = F.linear(x, self.in_proj_weight[d:], None if bias is None else bias[d:])
            q = q.view(b, n, self.heads, d // self.heads).transpose(1, 2)  # [B, H, n, d]
            k, v = kv.view(b, t, 2, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)  # each [B, H, T, d]
        if self.rotary is not None:
            q, k = self.rotary(q, kept), self.rotary(k, kept)
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

    Normalization comes before the branch (pre) or after the sum (post). In a CCT it comes before attention,
    and again after the sum with it (cct). LayerScale (Touvron et al. 2021) multiplies each channel of a
    branch by a learned factor, which starts at `layer_scale`. 0 turns it off.
    """

    layer_scale_1: nn.Parameter | None
    layer_scale_2: nn.Parameter | None

    def __init__(
        self,
        dim: int,
        hidden: int,
        heads: int,
        norm: str,
        dropout: float,
        drop_path: float,
        *,
        qkv_bias: bool = True,
        block_bias: bool = True,
        layer_scale: float = 0.0,
        activation: str = "gelu",
        norm_eps: float = 1e-5,
        rotary: Rotary | None = None,
    ) -> None:
        super().__init__()
        self.norm = norm
        self.layer_norm_1 = nn.LayerNorm(dim, norm_eps)
        self.attn = Attention(dim, heads, dropout, qkv_bias=qkv_bias, out_bias=block_bias, rotary=rotary)
        self.layer_norm_2 = nn.LayerNorm(dim, norm_eps)
        self.linear = nn.Sequential(
            nn.Linear(dim, hidden, bias=block_bias),
            activation_layer(activation),
            Dropout(dropout),
            nn.Linear(hidden, dim, bias=block_bias),
            Dropout(dropout),
        )
        for name in ("layer_scale_1", "layer_scale_2"):
            scale = nn.Parameter(torch.full((dim,), layer_scale)) if layer_scale else None
            self.register_parameter(name, scale)
        self.drop_path = DropPath(drop_path)

    def forward(
        self,
        x: torch.Tensor,
        queries: int | None = None,
        record: Record | None = None,
        kept: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """[B, T, D] -> [B, n, D]: the first n = `queries` tokens (default: all) after the block.

        A record gets the input, the two sums with the residual (sum_1, sum_2), the stream after attention
        (middle) and after the block (output), and what `attend` and `feed_forward` store, all [B, ., D].
        If the tokens are not those of all patches, rotary positions need the indices `kept` [B, count].
        """
        noted(record, "input", x)
        if self.norm != "post":
            x = self.drop_path(x, lambda y, k: self.attend(self.layer_norm_1(y), queries, record, k), kept)
            noted(record, "sum_1", x)
            if self.norm == "pre":
                noted(record, "middle", x)
                x = self.drop_path(x, lambda y: self.feed_forward(self.layer_norm_2(y), record))
            else:
                x = noted(record, "middle", self.layer_norm_2(x))
                x = self.drop_path(x, lambda y: self.feed_forward(y, record))
            return noted(record, "output", noted(record, "sum_2", x))
        x = noted(record, "sum_1", self.drop_path(x, lambda y, k: self.attend(y, queries, record, k), kept))
        x = noted(record, "middle", self.layer_norm_1(x))
        x = noted(record, "sum_2", self.drop_path(x, lambda y: self.feed_forward(y, record)))
        return noted(record, "output", self.layer_norm_2(x))

    def attend(
        self,
        x: torch.Tensor,
        queries: int | None = None,
        record: Record | None = None,
        kept: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the attention branch. A record gets attention_input, projected, and those of `Attention`.

        The branch, `projected`, includes LayerScale.
        """
        y = self.attn(noted(record, "attention_input", x), queries, record, kept)
        return noted(record, "projected", y if self.layer_scale_1 is None else y * self.layer_scale_1)

    def feed_forward(self, x: torch.Tensor, record: Record | None = None) -> torch.Tensor:
        """Return the MLP branch. A record gets mlp_input, hidden, active (after the activation) and mlp.

        The branch, `mlp`, includes LayerScale.
        """
        widen, gelu, drop, narrow, drop_output = self.linear
        hidden = noted(record, "hidden", widen(noted(record, "mlp_input", x)))
        active = noted(record, "active", gelu(hidden))
        y = drop_output(narrow(drop(active)))
        return noted(record, "mlp", y if self.layer_scale_2 is None else y * self.layer_scale_2)
