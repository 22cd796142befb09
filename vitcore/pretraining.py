"""The settings of a pretraining without labels: masked autoencoding (He et al. 2022). Does not import torch.

`Config` inherits them. `vitcore.networks.masked` has the decoder and the loss.
"""

from __future__ import annotations

from pydantic import Field

from vitcore.architectures import Architecture, Settings
from vitcore.reading import short

DECODER = "decoder.safetensors"  # in the folder of checkpoints, with the best weights of the decoder
HEAD_WIDTH = 32  # channels of an attention head of the decoder, as published

# Settings that a pretraining does not use or does not support, with the values that turn them off.
OFF = {
    "label_smoothing": 0.0,
    "mixup": 0.0,
    "cutmix": 0.0,
    "keep_patches": 1.0,
    "freeze": False,
    "head_lr": 1.0,
    "layer_decay": 1.0,
    "compile": False,
    "conv_stem": False,  # its tokens would see masked pixels
    "representation": 0,
    "projection": 0,
}


class Pretraining(Settings):
    """How a training without labels masks patches, and the size of the decoder that reconstructs them."""

    mask_ratio: float = Field(
        0.0,
        ge=0,
        le=0.95,
        title="Masked share",
        description="share of the patches that a pretraining without labels masks and reconstructs; 0 trains "
        "with labels",
    )
    decoder_dim: int = Field(
        128,
        ge=32,
        le=2048,
        title="Decoder width",
        description="width of the decoder of a pretraining, a multiple of 32",
    )
    decoder_layers: int = Field(2, ge=1, le=24, description="blocks of the decoder of a pretraining")


def visible_count(patches: int, mask_ratio: float) -> int:
    """Return how many patches of an image the encoder sees. It is rounded down, as published."""
    return int(patches * (1 - mask_ratio))


def check_pretraining(settings: Pretraining, architecture: Architecture, able: str) -> None:
    """Raise `ValueError` if a configuration with a `mask_ratio` has settings that do not go with it.

    `settings` is a complete configuration, and `able` lists the models that can be pretrained.
    """
    if not architecture.masked:
        raise ValueError(f"mask_ratio needs a model that can leave out masked patches: choose {able}")
    if settings.decoder_dim % HEAD_WIDTH:
        raise ValueError(
            f"decoder_dim {settings.decoder_dim} is not divisible by {HEAD_WIDTH}, the width of its heads"
        )
    given = {**dict(settings), **dict(settings)["options"]}
    for name, off in OFF.items():
        if given.get(name, off) != off:
            change = f"set {name}={str(off).lower()}"
            if given["recipe"] == "pretrain":
                advice = f"{change}, or choose a recipe with labels"
            else:
                advice = f"choose the recipe pretrain, or {change}"
            raise ValueError(
                f"{name} {short(given[name]).lower()} does not go with mask_ratio, a pretraining without "
                f"labels: {advice}"
            )
    if given["start"]:
        raise ValueError(
            "mask_ratio pretrains a model from scratch: leave out --from, and fine-tune the result with it"
        )
    patches = (given["image_size"] // given["patch_size"]) ** 2
    if not 0 < visible_count(patches, settings.mask_ratio) < patches:
        raise ValueError(
            f"mask_ratio {settings.mask_ratio:g} does not divide {patches} patches into masked and "
            "visible ones: choose a smaller patch_size or another mask_ratio"
        )
