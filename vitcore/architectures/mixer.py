"""The MLP-Mixer, see `vitcore.networks.mixer`. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from vitcore.architectures import Architecture, Options, Result
from vitcore.architectures.vit import check_patches
from vitcore.recipes import GPU_MUON, MUON, TUTORIAL

if TYPE_CHECKING:
    from torch import nn


class MixerOptions(Options):
    """The MLP-Mixer. By default it has 979,210 parameters on 32x32 images, fewer than the ViT."""

    embed_dim: int = Field(192, ge=8, le=2048, title="Embedding")
    token_dim: int = Field(96, ge=8, le=8192, description="hidden width of the perceptron across patches")
    channel_dim: int = Field(384, ge=8, le=8192, description="hidden width of the perceptron across channels")
    num_layers: int = Field(6, ge=1, le=48, title="Layers")
    patch_size: int = Field(4, ge=1, le=64)
    drop_path: float = Field(0.0, ge=0, le=0.9)


def _build(options: MixerOptions, num_classes: int, image_size: int) -> nn.Module:
    from vitcore.networks.mixer import Mixer

    return Mixer(num_classes=num_classes, image_size=image_size, **options.model_dump())


def _layers(options: MixerOptions) -> tuple[tuple[str, ...], ...]:
    return (("input_layer.",), *((f"blocks.{number}.",) for number in range(options.num_layers)))


_MODERN = {**MUON, "options": {"drop_path": 0.05}}
ARCHITECTURE = Architecture(
    name="mixer",
    label="MLP-Mixer",
    color="#009E73",
    build=_build,
    options=MixerOptions,
    recipes={
        # The tutorial has no recipe for it: use the ViT's published optimizer and schedule.
        "tutorial": {**TUTORIAL, "optimizer": "adamw", "lr": 3e-4, "weight_decay": 0.01},
        "modern": {**_MODERN, "epochs": 8, "augment": "trivial"},
        "gpu": {**GPU_MUON, "options": {"drop_path": 0.1}},
        "quick": {**_MODERN, "epochs": 10, "batch_size": 64},
    },
    measured={
        "modern": Result(0.7633, 10_000, "cifar10", 8, 38.8),
        "quick": Result(0.543, 1_000, "cifar10-mini", 10, 2.9),
    },
    check=check_patches,
    muon=True,
    resizes=False,  # its perceptrons across patches have weights for each patch
    layers=_layers,
    order=4,
)
