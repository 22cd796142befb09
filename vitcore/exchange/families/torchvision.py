"""The names of torchvision's `VisionTransformer`, such as `vit_b_16`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from vitcore.exchange.families.family import Family

BLOCK = r"layers\.encoder_layer_(\d{1,3})\."
KIND = r"\.(weight|bias)"
RULES = {
    r"class_token": "cls_token",
    r"pos_embedding": "pos_embedding",
    rf"conv_proj{KIND}": r"input_layer.\1",
    rf"{BLOCK}ln_([12]){KIND}": r"transformer.\1.layer_norm_\2.\3",
    rf"{BLOCK}self_attention\.in_proj_(weight|bias)": r"transformer.\1.attn.in_proj_\2",
    rf"{BLOCK}self_attention\.out_proj{KIND}": r"transformer.\1.attn.out_proj.\2",
    rf"{BLOCK}mlp\.(?:0|linear_1){KIND}": r"transformer.\1.linear.0.\2",
    rf"{BLOCK}mlp\.(?:3|linear_2){KIND}": r"transformer.\1.linear.3.\2",
    rf"ln{KIND}": r"mlp_head.0.\1",
    rf"heads\.pre_logits{KIND}": r"pre_logits.0.\1",
    rf"heads(?:\.head)?{KIND}": r"mlp_head.1.\1",
}


def recognize(names: Collection[str]) -> bool:
    return any(name.startswith("layers.encoder_layer_0.") for name in names)


def assumed(names: Collection[str]) -> dict[str, Any]:
    """Return the epsilon and the activation of torchvision."""
    return {"norm_eps": 1e-6, "activation": "gelu"}


FAMILY = Family("a torchvision ViT", recognize, RULES, assumed)
