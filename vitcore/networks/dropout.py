"""Random omission in training: of single elements (dropout) and of whole residual branches (drop path)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


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

    def forward(
        self, x: torch.Tensor, branch: Callable[..., torch.Tensor], *each: torch.Tensor | None
    ) -> torch.Tensor:
        """x [B, T, D] -> x + branch(x, *each) [B, n, D], for the n <= T leading tokens of the branch.

        `each` are further inputs of the branch, [B, ...] or None.
        """
        size = x.shape[0]  # len(x) would fix the batch size in an exported graph
        count = max(1, size - round(size * self.rate)) if self.training else size
        if count == size:
            y = branch(x, *each)
            return x[:, : y.shape[1]] + y
        if x.device.type == "cpu":
            kept = torch.randperm(size)[:count]
        else:  # as an operation that a CUDA graph can record
            kept = torch.rand(size, device=x.device).argsort()[:count]
        y = branch(*(part if part is None else part.index_select(0, kept) for part in (x, *each)))
        y = y.to(x.dtype)  # under mixed precision the branch is narrower than the stream
        return x[:, : y.shape[1]].index_add(0, kept, y, alpha=size / count)
