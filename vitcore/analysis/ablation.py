"""What a head is needed for: accuracy without it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import torch
from torch import nn

from vitcore.analysis.attention import capture, needs_attention


def without_heads(block: nn.Module, heads: Iterable[int]) -> nn.Module:
    """A copy of a ViT's block in which these heads write nothing into the stream; the block itself, which
    other visitors may be using, stays as it is.
    """
    changed = copy.deepcopy(block)
    width = changed.attn.out_proj.in_features // changed.attn.heads
    with torch.no_grad():
        for head in heads:
            changed.attn.out_proj.weight[:, head * width : (head + 1) * width] = 0
    return changed


@torch.inference_mode()
def head_ablation(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    progress: Callable[[float], None] = lambda share: None,
) -> tuple[torch.Tensor, float]:
    """Accuracy without each head (Michel et al. 2019), and with all of them. Images uint8 or normalised
    [B, 3, S, S], labels int [B] -> ([layers, heads], accuracy).

    `progress` hears the share that is done, and cancels by raising. Blocks before the changed one are run
    once. Raises `UserError` for a model without attention.
    """
    model = needs_attention(model)
    trace = capture(model, images)
    blocks = list(model.transformer)
    heads = blocks[0].attn.heads
    found = torch.zeros(len(blocks), heads)
    for layer, block in enumerate(blocks):
        for head in range(heads):
            x = without_heads(block, [head])(trace.hidden[:, layer])
            for later in blocks[layer + 1 :]:
                x = later(x)
            found[layer, head] = (model.head(x).argmax(dim=1) == labels).float().mean()
            progress((layer * heads + head + 1) / found.numel())
    return found, float((trace.logits.argmax(dim=1) == labels).float().mean())
