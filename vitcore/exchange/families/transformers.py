"""The names of transformers: ViT, DeiT, DINOv2 with and without registers, and MAE.

Version 5 gave the layers new names. Files usually have those of version 4.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from vitcore.exchange.families.about import HALF_PIXELS, IMAGENET_PIXELS
from vitcore.exchange.families.family import Family, Tensors

BLOCK = r"layers?\.(\d{1,3})\."
KIND = r"\.(weight|bias)"
RULES = {
    r"embeddings\.cls_token": "cls_token",
    r"embeddings\.distillation_token": "distillation_token",
    r"embeddings\.register_tokens": "register_tokens",
    r"embeddings\.position_embeddings": "pos_embedding",
    rf"embeddings\.patch_embeddings\.projection{KIND}": r"input_layer.\1",
    rf"{BLOCK}(?:layernorm_before|norm1){KIND}": r"transformer.\1.layer_norm_1.\2",
    rf"{BLOCK}attention\.(?:attention\.query|q_proj){KIND}": r"transformer.\1.attn.in_proj_\2 q",
    rf"{BLOCK}attention\.(?:attention\.key|k_proj){KIND}": r"transformer.\1.attn.in_proj_\2 k",
    rf"{BLOCK}attention\.(?:attention\.value|v_proj){KIND}": r"transformer.\1.attn.in_proj_\2 v",
    rf"{BLOCK}attention\.(?:output\.dense|o_proj){KIND}": r"transformer.\1.attn.out_proj.\2",
    rf"{BLOCK}layer_scale([12])\.lambda1": r"transformer.\1.layer_scale_\2",
    rf"{BLOCK}(?:layernorm_after|norm2){KIND}": r"transformer.\1.layer_norm_2.\2",
    rf"{BLOCK}(?:intermediate\.dense|mlp\.fc1){KIND}": r"transformer.\1.linear.0.\2",
    rf"{BLOCK}(?:output\.dense|mlp\.fc2){KIND}": r"transformer.\1.linear.3.\2",
    rf"layernorm{KIND}": r"mlp_head.0.\1",
    rf"(?:cls_)?classifier{KIND}": r"mlp_head.1.\1",
    rf"distillation_classifier{KIND}": r"distillation_head.\1",
}
LEFT_OUT = (
    r"pooler\.",  # of models without a classifier, where our features are those that a classifier reads
    r"embeddings\.mask_token$",
    r"decoder\.",  # of MAE
)


def recognize(names: Collection[str]) -> bool:
    first, patches = ("layer.0.", "layers.0."), "embeddings.patch_embeddings."
    return any(name.startswith(first) for name in names) and any(name.startswith(patches) for name in names)


def assumed(names: Collection[str]) -> dict[str, Any]:
    """Return the defaults of the library, whose DINOv2 has another epsilon than its other models."""
    return {"norm_eps": 1e-6 if _is_dinov2(names) else 1e-12, "activation": "gelu", "norm_tokens": True}


def pixels(names: Collection[str]) -> dict[str, Any]:
    """Return the preprocessing of ViT in this library, or that of ImageNet for DINOv2 and DeiT."""
    of_imagenet = _is_dinov2(names) or "embeddings.distillation_token" in names
    return IMAGENET_PIXELS if of_imagenet else HALF_PIXELS


def _is_dinov2(names: Collection[str]) -> bool:
    return any(name.startswith(("layer.0.layer_scale1", "layers.0.layer_scale1")) for name in names)


def adjust(tensors: Tensors) -> Tensors:
    """Turn a distillation token that no head reads into a register.

    Such models are `DeiTForImageClassification` and `DeiTModel`. The register includes the token's position.
    """
    if "distillation_token" not in tensors or "distillation_head.weight" in tensors:
        return tensors
    positions = tensors["pos_embedding"]
    tensors["register_tokens"] = tensors.pop("distillation_token") + positions[:, 1:2]
    tensors["pos_embedding"] = positions[:, [0, *range(2, positions.shape[1])]]
    return tensors


FAMILY = Family("a ViT of transformers", recognize, RULES, assumed, LEFT_OUT, pixels, adjust)
