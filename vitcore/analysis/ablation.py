"""Ablation: outputs of a model without a head or a block."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import nn

from vitcore.analysis.attention import as_input, capture, needs_attention
from vitcore.analysis.layers import chain
from vitcore.errors import UserError
from vitcore.networks.vit import Block


def without_heads(block: Block, heads: Iterable[int]) -> Block:
    """Return a copy of a ViT's block in which these heads add nothing to the residual stream.

    The original block does not change, because other sessions may be using it.
    """
    changed = copy.deepcopy(block)
    width = changed.attn.out_proj.in_features // changed.attn.heads
    with torch.no_grad():
        for head in heads:
            changed.attn.out_proj.weight[:, head * width : (head + 1) * width] = 0
    return changed


@torch.inference_mode()
def without_each_head(model: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits of a ViT with all heads, and without each head (Michel et al. 2019).

    Images uint8 or normalized [B, 3, S, S] -> (logits [B, C], logits [layers, heads, B, C]). The blocks
    before the changed one run only once. Raise `UserError` for a model without attention.
    """
    model = needs_attention(model)
    trace = capture(model, images)
    blocks = model.blocks
    logits = []
    for layer, block in enumerate(blocks):
        for head in range(block.attn.heads):
            x = without_heads(block, [head])(trace.hidden[:, layer])
            for later in blocks[layer + 1 :]:
                x = later(x)
            logits.append(model.head(x))
    return trace.logits, torch.stack(logits).unflatten(0, (len(blocks), -1))


@torch.inference_mode()
def without_each_block(
    model: nn.Module, images: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the predicted classes of the whole model, and with each block skipped (Veit et al. 2016).

    Images uint8 or normalized [B, 3, S, S] -> (classes int [B], by block classes int [B]). A skipped block
    passes its input on. Blocks that change
    the shape cannot be skipped and are omitted. Raise `UserError` for a model whose blocks are unknown.
    """
    parts = chain(model)
    if parts is None:
        raise UserError(f"The blocks of a {type(model).__name__} are unknown: choose another model.")
    inputs = [parts.start(as_input(images, model))]
    for block in parts.blocks.values():
        inputs.append(block(inputs[-1]))
    skipped = {}
    for i, name in enumerate(parts.blocks):
        x = inputs[i]
        if x.shape != inputs[i + 1].shape:
            continue
        for later in list(parts.blocks.values())[i + 1 :]:
            x = later(x)
        skipped[name] = parts.end(x).argmax(dim=1)
    return parts.end(inputs[-1]).argmax(dim=1), skipped
