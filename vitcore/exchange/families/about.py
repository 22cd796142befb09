"""Read what a config.json next to weights says about a model: of timm, and of transformers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vitcore.errors import UserError
from vitcore.networks.positions import ROTARY_BASE
from vitcore.reading import read_text, short

LARGEST = 20_000_000  # bytes; the names of 21,000 classes take 2 million
ACTIVATIONS = {
    "gelu": "gelu",
    "quick_gelu": "quick_gelu",
    "gelu_new": "gelu_tanh",
    "gelu_tanh": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
}
# the usual preprocessing, see `About.preprocessing`
IMAGENET_PIXELS = {
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
    "interpolation": "bicubic",
    "crop": 0.875,
}
HALF_PIXELS = {**IMAGENET_PIXELS, "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
CLIP_PIXELS = {
    "mean": (0.48145466, 0.4578275, 0.40821073),
    "std": (0.26862954, 0.26130258, 0.27577711),
    "interpolation": "bicubic",
    "crop": 1.0,
}
OTHER_ROTARY = re.compile(r"eva02|_rope_|_pe_|sapiens")  # of timm, unlike those of DINOv3
HEADS = {1152: 16, 1280: 16, 1408: 16, 1664: 16}  # by width, where a head does not have 64 channels
# what values of other types raise, and numbers that are not finite
MALFORMED = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)
FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}  # the numbers of Pillow


@dataclass(frozen=True)
class About:
    """What a model's files say besides its weights. Everything may be missing.

    `preprocessing` has the fields of timm: mean, std, interpolation and crop (a share of the shorter side).
    """

    width: int | None = None  # of the tokens or the features, with which the weights must agree
    options: dict[str, Any] = field(default_factory=dict)  # of our ViT
    pool: str = ""  # timm's global_pool
    classes: tuple[str, ...] | None = None
    preprocessing: dict[str, Any] = field(default_factory=dict)
    architecture: str = ""  # timm's name
    side: int | None = None  # of the images in pixels
    missing: str = ""  # what our ViT does not have, with its verb, if only these files show it


def heads_of(width: int) -> int:
    """Return the number of heads that published ViTs of this width have."""
    return HEADS.get(width, max(1, width // 64))


def read_about(folder: Path) -> About:
    """Read config.json and preprocessor_config.json of a folder. Raise `UserError` if one is malformed."""
    config = _json(folder / "config.json")
    try:
        return about_of(config, _json(folder / "preprocessor_config.json"))
    except MALFORMED:
        raise UserError(
            f"{folder / 'config.json'} describes no model of timm or transformers: remove it, or restore it."
        ) from None


def about_of(config: Mapping[str, Any], processor: Mapping[str, Any]) -> About:
    """Return what the contents of config.json and preprocessor_config.json say."""
    return _of_timm(config) if "architecture" in config else _of_transformers(config, processor)


def _json(file: Path) -> dict[str, Any]:
    """Return the entries of a JSON file, none if the file is missing."""
    if not file.is_file():
        return {}
    try:
        content = json.loads(read_text(file, LARGEST))
    except (ValueError, RecursionError):
        raise UserError(f"{file} is not a valid JSON file: remove it, or restore it.") from None
    return content if isinstance(content, dict) else {}


def _of_timm(config: Mapping[str, Any]) -> About:
    name, cfg = str(config["architecture"]), config.get("pretrained_cfg") or {}
    args = {**(cfg.get("model_args") or {}), **(config.get("model_args") or {})}
    options = _of_architecture(name)
    if width := _whole(config.get("num_features")):
        options.setdefault("num_heads", heads_of(width))
    if "num_heads" in args:
        options["num_heads"] = int(args["num_heads"])
    if "act_layer" in args:
        options["activation"] = _activation(args["act_layer"])
    labels = config.get("label_descriptions") or config.get("label_names")
    if isinstance(labels, Mapping) and isinstance(config.get("label_names"), list):
        labels = [labels.get(name, name) for name in config["label_names"]]
    pixels = {"mean": cfg.get("mean"), "std": cfg.get("std"), "crop": cfg.get("crop_pct")}
    if cfg.get("interpolation") in FILTERS.values():
        pixels["interpolation"] = cfg["interpolation"]
    pool = str(config.get("global_pool") or args.get("global_pool") or "")
    side = _whole((cfg.get("input_size") or [None])[-1])
    missing = ""
    if OTHER_ROTARY.search(name):
        missing = f"the rotary positions of `{short(name).strip(chr(39))}` are"
    return About(width, options, pool, _names(labels), _known(pixels), name, side, missing)


def _of_architecture(name: str) -> dict[str, Any]:
    """Return the options that timm gives to its architectures, beyond what the shapes show."""
    eps = 1e-5 if re.search("_clip_|_dinov3|_lingbot", name) else 1e-6
    options: dict[str, Any] = {"norm_eps": eps, "activation": "gelu"}
    if "quickgelu" in name:
        options["activation"] = "quick_gelu"
    elif re.search(r"(large_patch16_siglip_gap_512|so400m_patch16_siglip|giantopt_patch16_siglip)", name):
        options["activation"] = "gelu_tanh"
    if "giantopt" in name or name.startswith("vit_base_patch16_gap"):
        options["num_heads"] = 16
    return options


def _of_transformers(config: Mapping[str, Any], processor: Mapping[str, Any]) -> About:
    vision = config.get("vision_config") or config
    options: dict[str, Any] = {}
    if vision.get("num_attention_heads"):
        options["num_heads"] = int(vision["num_attention_heads"])
    if vision.get("layer_norm_eps"):
        options["norm_eps"] = float(vision["layer_norm_eps"])
    if vision.get("hidden_act"):
        options["activation"] = _activation(vision["hidden_act"])
    labels = config.get("id2label")
    if isinstance(labels, Mapping):
        labels = [labels[key] for key in sorted(labels, key=int)]
    pixels = {"mean": processor.get("image_mean"), "std": processor.get("image_std")}
    pixels["interpolation"] = FILTERS.get(processor.get("resample"))  # type: ignore[arg-type]
    if processor:
        edge, crop = _side(processor, "size", "shortest_edge"), _side(processor, "crop_size", "height")
        cropped = edge and crop and processor.get("do_center_crop", True)
        pixels["crop"] = min(1.0, crop / edge) if cropped else 1.0
    side, base = vision.get("image_size"), vision.get("rope_theta", ROTARY_BASE)
    return About(
        _whole(vision.get("hidden_size")),
        options,
        classes=_names(labels),
        preprocessing=_known(pixels),
        side=side if isinstance(side, int) else None,
        missing="" if base == ROTARY_BASE else f"rotary positions with the base {base} are",
    )


def _whole(number: Any) -> int | None:
    return None if number is None else int(number)


def _side(processor: Mapping[str, Any], name: str, side: str) -> float:
    """Return a size in pixels, which is a number or a mapping of sides. It is 0 if it is not known."""
    size = processor.get(name)
    return float((size.get(side) if isinstance(size, Mapping) else size) or 0)


def _activation(name: Any) -> str:
    """Return our name of an activation. An unknown one is passed on, and `ViTOptions` refuses it."""
    return ACTIVATIONS.get(str(name), str(name))


def _names(labels: Any) -> tuple[str, ...] | None:
    """Return the names of classes in order, None without names."""
    if isinstance(labels, Mapping):
        labels = [labels[key] for key in sorted(labels, key=int)]
    if not isinstance(labels, list) or all(re.fullmatch(r"LABEL_\d+", str(label)) for label in labels):
        return None
    return tuple(str(label) for label in labels)


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in values.items() if v is not None}
