"""The cost of a patch size against torch's own counter."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from vitcore.analysis.attention import capture
from vitcore.analysis.cost import vit_cost
from vitcore.models import build


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"patch_size": 2, "embed_dim": 32, "hidden_dim": 48, "num_heads": 4, "num_layers": 2},
        {"patch_size": 8, "embed_dim": 64, "hidden_dim": 32, "num_heads": 1, "num_layers": 1, "pool": "mean"},
        {"patch_size": 16, "num_layers": 3, "num_classes": 7},
        {"patch_size": 8, "image_size": 64, "embed_dim": 32, "hidden_dim": 16, "num_heads": 2},
        {"patch_size": 8, "registers": 4},
        {"conv_stem": True},
        {"patch_size": 8, "image_size": 64, "embed_dim": 32, "conv_stem": True},
    ],
)
def test_multiply_adds_are_half_of_the_operations_of_torch(shape):
    model, size = build("vit", **shape).eval(), shape.get("image_size", 32)
    with FlopCounterMode(display=False) as counter:
        trace = capture(model, torch.zeros(1, 3, size, size))
    cls = shape.get("pool", "cls") == "cls"
    rest = {k: v for k, v in shape.items() if k not in ("pool", "patch_size")}
    cost = vit_cost(shape.get("patch_size", 4), cls=cls, complete=True, **rest)
    assert 2 * cost.multiply_adds == counter.get_total_flops()
    assert cost.weights == trace.weights.numel()
    assert cost.tokens == trace.weights.shape[-1]


def test_cost_of_the_tutorial_model_on_the_meta_device():
    for size in (2, 4, 8, 16):
        with torch.device("meta"):
            model, image = build("vit", patch_size=size, pool="mean").eval(), torch.zeros(1, 3, 32, 32)
            with FlopCounterMode(display=False) as counter, torch.inference_mode():
                model(image)  # averaged over tokens, so that the last block computes all of them, too
        cost = vit_cost(size, cls=False)
        assert 2 * cost.multiply_adds == counter.get_total_flops()
