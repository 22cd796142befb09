"""The names of DINOv3: of timm, of transformers, and of the release by its authors.

These ViTs have rotary positions, which have no weights. Their keys have no biases: the authors' code
multiplies them by a mask. Files of the authors also have the periods of the rotary positions, rounded to
bfloat16. Ours are not rounded, as in timm and transformers.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch

from vitcore.exchange.families import timm
from vitcore.exchange.families.about import IMAGENET_PIXELS
from vitcore.exchange.families.family import Family, Tensors
from vitcore.networks.positions import ROTARY_BASE

RULES = {
    **timm.RULES,
    rf"{timm.BLOCK}attn\.([qv])_bias": r"transformer.\1.attn.in_proj_bias \2",
    rf"{timm.BLOCK}gamma_([12])": r"transformer.\1.layer_scale_\2",
}
RELEASE_RULES = {
    **timm.RULES,
    r"storage_tokens": "register_tokens",
    rf"{timm.BLOCK}attn\.qkv\.bias_mask": r"transformer.\1.attn.in_proj_bias mask",
    r"rope_embed\.periods": "periods",
}
RELEASE_LEFT_OUT = (
    r"mask_token$",
    r"(dino|ibot)_head\.",  # of the training
)

LAYER = r"layers?\.(\d{1,3})\."
KIND = r"\.(weight|bias)"
RULES_OF_TRANSFORMERS = {
    r"embeddings\.cls_token": "cls_token",
    r"embeddings\.register_tokens": "register_tokens",
    rf"embeddings\.patch_embeddings{KIND}": r"input_layer.\1",
    rf"{LAYER}norm([12]){KIND}": r"transformer.\1.layer_norm_\2.\3",
    rf"{LAYER}attention\.([qkv])_proj{KIND}": r"transformer.\1.attn.in_proj_\3 \2",
    rf"{LAYER}attention\.o_proj{KIND}": r"transformer.\1.attn.out_proj.\2",
    rf"{LAYER}layer_scale([12])\.lambda1": r"transformer.\1.layer_scale_\2",
    rf"{LAYER}mlp\.up_proj{KIND}": r"transformer.\1.linear.0.\2",
    rf"{LAYER}mlp\.down_proj{KIND}": r"transformer.\1.linear.3.\2",
    rf"norm{KIND}": r"mlp_head.0.\1",
}


def recognize(names: Collection[str]) -> bool:
    """Return whether names are those of timm.

    Other ViTs of timm with rotary positions have learned positions, too, or biases of keys, or no CLS token.
    """
    return (
        timm.recognize(names)
        and {"cls_token", "reg_token", "blocks.0.gamma_1", "blocks.0.attn.qkv.weight"} <= set(names)
        and not {"pos_embed", "rope.freqs", "blocks.0.attn.qkv.bias"} & set(names)
    )


def recognize_release(names: Collection[str]) -> bool:
    return timm.recognize(names) and "storage_tokens" in names and "pos_embed" not in names


def recognize_transformers(names: Collection[str]) -> bool:
    return "embeddings.patch_embeddings.weight" in names and any(
        name.startswith(("layer.0.attention.q_proj.", "layers.0.attention.q_proj.")) for name in names
    )


def assumed(names: Collection[str]) -> dict[str, Any]:
    """Return what all of them have. Without a config.json, the features are those of CLS."""
    return {"position": "rotary", "norm_eps": 1e-5, "activation": "gelu", "norm_tokens": True}


def assumed_of_timm(names: Collection[str]) -> dict[str, Any]:
    """Return the same, except that timm averages the patches."""
    norm_tokens = {} if "fc_norm.weight" in names else {"norm_tokens": True}
    return {"position": "rotary", "norm_eps": 1e-5, "activation": "gelu", "pool": "patches", **norm_tokens}


def pixels(names: Collection[str]) -> dict[str, Any]:
    return {**IMAGENET_PIXELS, "crop": 1.0}


def adjust_release(tensors: Tensors) -> Tensors:
    """Multiply biases by their masks. Raise `ValueError` for rotary positions of other periods than ours."""
    for name in [name for name in tensors if name.endswith(" mask")]:
        mask, bias = tensors.pop(name), tensors[name.removesuffix(" mask")]
        if mask.shape != bias.shape:
            raise ValueError(f"a mask of biases of the shape {list(mask.shape)}")
        tensors[name.removesuffix(" mask")] = bias * mask
    if (periods := tensors.pop("periods", None)) is not None:
        ours = float(ROTARY_BASE) ** (torch.arange(periods.numel()) / periods.numel())
        # bfloat16 has three digits
        if periods.shape != ours.shape or not len(ours) or not torch.allclose(periods, ours, rtol=0.01):
            raise ValueError(f"`rope_embed.periods` with another base than {ROTARY_BASE}")
    return tensors


TIMM = Family("a DINOv3 in the names of timm", recognize, RULES, assumed_of_timm, pixels=pixels)
TRANSFORMERS = Family(
    "a DINOv3 in the names of transformers",
    recognize_transformers,
    RULES_OF_TRANSFORMERS,
    assumed,
    (r"embeddings\.mask_token$",),
    pixels,
)
RELEASE = Family(
    "a DINOv3 in the names of its authors",
    recognize_release,
    RELEASE_RULES,
    assumed,
    RELEASE_LEFT_OUT,
    pixels,
    adjust_release,
)
