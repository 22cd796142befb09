"""The names of timm's `VisionTransformer`: ViT, DeiT, DINO, DINOv2, MAE, CLIP and others."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from vitcore.exchange.families.about import CLIP_PIXELS, IMAGENET_PIXELS
from vitcore.exchange.families.family import Family, Tensors

BLOCK = r"blocks\.(\d{1,3})\."
KIND = r"\.(weight|bias)"
CLASSIFIER = "classifier.weight"  # the head of a module around a ViT without one
RULES = {
    r"cls_token": "cls_token",
    r"dist_token": "distillation_token",
    r"reg_token": "register_tokens",
    r"pos_embed": "pos_embedding",
    rf"patch_embed\.proj{KIND}": r"input_layer.\1",
    rf"norm_pre{KIND}": r"embed_norm.\1",
    rf"{BLOCK}norm1{KIND}": r"transformer.\1.layer_norm_1.\2",
    rf"{BLOCK}attn\.qkv{KIND}": r"transformer.\1.attn.in_proj_\2",
    rf"{BLOCK}attn\.proj{KIND}": r"transformer.\1.attn.out_proj.\2",
    rf"{BLOCK}norm2{KIND}": r"transformer.\1.layer_norm_2.\2",
    rf"{BLOCK}mlp\.fc1{KIND}": r"transformer.\1.linear.0.\2",
    rf"{BLOCK}mlp\.fc2{KIND}": r"transformer.\1.linear.3.\2",
    rf"{BLOCK}ls([12])\.gamma": r"transformer.\1.layer_scale_\2",
    rf"(?:fc_)?norm{KIND}": r"mlp_head.0.\1",
    rf"pre_logits\.fc{KIND}": r"pre_logits.0.\1",  # until timm 0.6
    rf"(?:head|classifier){KIND}": r"mlp_head.1.\1",
    rf"head_dist{KIND}": r"distillation_head.\1",
}


def recognize(names: Collection[str]) -> bool:
    return "patch_embed.proj.weight" in names and any(name.startswith("blocks.0.") for name in names)


def assumed(names: Collection[str]) -> dict[str, Any]:
    """Return the pooling that the place of the last norm shows, and timm's usual epsilon and activation."""
    found: dict[str, Any] = {"norm_eps": 1e-5 if "norm_pre.weight" in names else 1e-6, "activation": "gelu"}
    if "fc_norm.weight" in names:
        return found | {"pool": "patches" if "cls_token" in names else "mean"}
    if CLASSIFIER in names:  # it may also have been trained on the mean of the patches
        found["pool"] = "cls" if "cls_token" in names else "mean"
    return found | {"norm_tokens": True}


def pixels(names: Collection[str]) -> dict[str, Any]:
    """Return the preprocessing of CLIP, or that of ImageNet, which most other models have."""
    return CLIP_PIXELS if "norm_pre.weight" in names else IMAGENET_PIXELS


def adjust(tensors: Tensors) -> Tensors:
    """Turn the head of an image tower of CLIP into the projection that it is, with a bias of zeros."""
    bias = tensors.get("mlp_head.1.bias")
    if "embed_norm.weight" in tensors and bias is not None and not bias.any():
        tensors["projection.weight"] = tensors.pop("mlp_head.1.weight")
        del tensors["mlp_head.1.bias"]
    return tensors


FAMILY = Family("a timm ViT", recognize, RULES, assumed, pixels=pixels, adjust=adjust)
