"""The linear layers of one encoder block of a Vision Transformer and of its head.

Their rows show how a number of `vitcore.analysis.block_steps` is computed: it is the sum of the products of
an input vector with a row of weights, and an offset.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from vitcore.analysis.attention import needs_attention


@dataclass(frozen=True)
class LinearRows:
    """A linear layer y = scale * (W x + offset), where `scale` is the LayerScale of its branch."""

    weight: torch.Tensor  # [out, in]
    offset: torch.Tensor | None  # [out]
    scale: torch.Tensor | None = None  # [out]

    @torch.inference_mode()
    def rows(self, first: int, count: int) -> torch.Tensor:
        """Return rows of the weights, each followed by its offset and its scale. float32 [count, in + 2]

        A layer without offsets has zeros, and one without LayerScale has ones.
        """
        weight = self.weight[first : first + count].float()
        offset = weight.new_zeros(len(weight)) if self.offset is None else self.offset[first : first + count]
        scale = weight.new_ones(len(weight)) if self.scale is None else self.scale[first : first + count]
        return torch.cat([weight, offset[:, None].float(), scale[:, None].float()], dim=1)


def block_layers(model: nn.Module, layer: int) -> dict[str, LinearRows]:
    """Return the linear layers of block `layer` (from 0) and of the head by name, without the classifier.

    `qkv` [3 D, D] computes queries, keys and values, each with its heads next to each other. `out` [D, D]
    computes the output of attention, `widen` [M, D] the units of the MLP, and `narrow` [D, M] its output.
    `features` [F, P] is the layer in front of the classifier, which only some heads have. Raise `UserError`
    without attention.
    """
    model = needs_attention(model)
    block = model.blocks[layer]
    found = {
        "qkv": LinearRows(block.attn.in_proj_weight, block.attn.in_proj_bias),
        "out": _rows_of(block.attn.out_proj, block.layer_scale_1),
        "widen": _rows_of(block.linear[0]),
        "narrow": _rows_of(block.linear[3], block.layer_scale_2),
    }
    between = model.pre_logits[0] if model.pre_logits is not None else model.projection
    if between is not None:
        found["features"] = _rows_of(between)
    return found


def _rows_of(linear: nn.Module, scale: torch.Tensor | None = None) -> LinearRows:
    assert isinstance(linear, nn.Linear)
    return LinearRows(linear.weight, linear.bias, scale)
