"""The names of the image tower of CLIP: of transformers, and of OpenAI and open_clip."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from vitcore.exchange.families.about import CLIP_PIXELS
from vitcore.exchange.families.family import Family, Tensors

KIND = r"\.(weight|bias)"
LAYER = r"layers\.(\d{1,3})\."
RULES = {
    r"embeddings\.class_embedding": "cls_token",
    r"embeddings\.position_embedding\.weight": "pos_embedding",
    rf"embeddings\.patch_embedding{KIND}": r"input_layer.\1",
    rf"pre_layrnorm{KIND}": r"embed_norm.\1",  # spelled so
    rf"{LAYER}layer_norm([12]){KIND}": r"transformer.\1.layer_norm_\2.\3",
    rf"{LAYER}self_attn\.([qkv])_proj{KIND}": r"transformer.\1.attn.in_proj_\3 \2",
    rf"{LAYER}self_attn\.out_proj{KIND}": r"transformer.\1.attn.out_proj.\2",
    rf"{LAYER}mlp\.fc1{KIND}": r"transformer.\1.linear.0.\2",
    rf"{LAYER}mlp\.fc2{KIND}": r"transformer.\1.linear.3.\2",
    rf"post_layernorm{KIND}": r"mlp_head.0.\1",
    r"visual_projection\.weight": "projection.weight",
}
LEFT_OUT = (r"text_model\.", r"text_projection\.", r"logit_scale$", r"embeddings\.position_ids$")

OPENAI_BLOCK = r"visual\.transformer\.resblocks\.(\d{1,3})\."
OPENAI_RULES = {
    r"visual\.class_embedding": "cls_token",
    r"visual\.positional_embedding": "pos_embedding",
    r"visual\.conv1\.weight": "input_layer.weight",
    rf"visual\.ln_pre{KIND}": r"embed_norm.\1",
    rf"{OPENAI_BLOCK}ln_([12]){KIND}": r"transformer.\1.layer_norm_\2.\3",
    rf"{OPENAI_BLOCK}attn\.in_proj_(weight|bias)": r"transformer.\1.attn.in_proj_\2",
    rf"{OPENAI_BLOCK}attn\.out_proj{KIND}": r"transformer.\1.attn.out_proj.\2",
    rf"{OPENAI_BLOCK}ls_([12])\.gamma": r"transformer.\1.layer_scale_\2",
    rf"{OPENAI_BLOCK}mlp\.c_fc{KIND}": r"transformer.\1.linear.0.\2",
    rf"{OPENAI_BLOCK}mlp\.c_proj{KIND}": r"transformer.\1.linear.3.\2",
    rf"visual\.ln_post{KIND}": r"mlp_head.0.\1",
    r"visual\.proj": "projection.weight",
}
OPENAI_LEFT_OUT = (
    r"transformer\.",
    r"token_embedding\.",
    r"positional_embedding$",
    r"ln_final\.",
    r"text_projection",
    r"(logit_scale|logit_bias|attn_mask|input_resolution|context_length|vocab_size)$",
)


def recognize(names: Collection[str]) -> bool:
    return "embeddings.patch_embedding.weight" in names and any(
        name.startswith("layers.0.") for name in names
    )


def recognize_openai(names: Collection[str]) -> bool:
    return "visual.class_embedding" in names and "visual.conv1.weight" in names


def assumed(names: Collection[str]) -> dict[str, Any]:
    """Return what OpenAI's CLIP has. Models of LAION have the activation gelu, which a config.json says."""
    return {"norm_eps": 1e-5, "activation": "quick_gelu"}


def transposed(tensors: Tensors) -> Tensors:
    """Transpose the projection, which OpenAI multiplies from the right."""
    if "projection.weight" in tensors:
        tensors["projection.weight"] = tensors["projection.weight"].transpose(0, 1)
    return tensors


def pixels(names: Collection[str]) -> dict[str, Any]:
    return CLIP_PIXELS


FAMILY = Family(
    "the image tower of a CLIP in the names of transformers", recognize, RULES, assumed, LEFT_OUT, pixels
)
OPENAI = Family(
    "the image tower of a CLIP in the names of OpenAI",
    recognize_openai,
    OPENAI_RULES,
    assumed,
    OPENAI_LEFT_OUT,
    pixels,
    transposed,
)
