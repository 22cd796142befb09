"""The settings in which the runs of a sweep differ: in a study, and in variants of a model. No torch.

A variant in a sweep of samples is written as `vit+conv_stem` or `vit+sam_rho=0.1+num_layers=4`.
"""

from __future__ import annotations

from typing import Any

from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config
from vitcore.errors import UserError
from vitcore.pretraining import Pretraining
from vitcore.reading import parse_yaml, short

# What may replace an inductive bias: a little convolution, and a flatter minimum.
SUGGESTED = ("vit+conv_stem", "vit+sam_rho=0.1", "resnet+sam_rho=0.1")

FIXED = (
    "start",
    "start_digest",
    "model",
    "options",
    "data",
    "recipe",
    "seed",
    "device",
    "devices",
    "nodes",
    "compile",
    "cuda_graph",
    "image_size",
    "preprocessing",
    "classes",
    *Pretraining.model_fields,
)


def settings_of(base: Config) -> list[str]:
    """Return the settings that a study can vary: the model's options, then those of the training."""
    inner = list(ARCHITECTURES[base.model].options.model_fields)
    return [*inner, *(name for name in Config.model_fields if name not in FIXED)]


def is_setting(config: Config, name: str) -> bool:
    """Return whether a study of this configuration can vary `name`."""
    return name in settings_of(config)


def parse_variant(text: str) -> tuple[str, dict[str, Any]]:
    """Return the model and the settings of `MODEL+NAME=VALUE+...`. A name without a value is turned on.

    Raise `UserError` if a name is missing or a value is not valid YAML. Whether the model has the settings is
    checked with its configuration.
    """
    model, *parts = text.strip().split("+")
    settings: dict[str, Any] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip().replace("-", "_")
        if not model or not name or (equals and not value.strip()):
            raise UserError(f"{short(text)} is not a model with settings: write it as vit+sam_rho=0.1.")
        settings[name] = parse_yaml(value, name) if equals else True
    return model, settings
