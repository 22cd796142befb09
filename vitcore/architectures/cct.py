"""The Compact Convolutional Transformer, see `vitcore.networks.cct`. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from vitcore.architectures import Architecture, Options, Result
from vitcore.architectures.vit import ViTOptions, check_patches
from vitcore.networks.tokenizer_sizes import layers_of
from vitcore.recipes import GPU_MUON, MUON, TUTORIAL

if TYPE_CHECKING:
    from torch import nn


class CCTOptions(Options):
    """CCT-6/3x1; the defaults are those of the paper (3,233,803 parameters on 32x32 images).

    The paper states 3.17 million, which are those without the learned positions.
    """

    embed_dim: int = Field(256, ge=8, le=2048, title="Embedding")
    hidden_dim: int = Field(512, ge=8, le=8192, title="Hidden width")
    num_heads: int = Field(4, ge=1, le=64, title="Heads")
    num_layers: int = Field(6, ge=1, le=48, title="Layers")
    patch_size: int = Field(2, ge=2, le=64, description="pixels between the centers of neighboring tokens")
    kernel_size: int = Field(3, ge=3, le=7, description="side of the tokenizer's convolutions, odd")
    position: Literal["learned", "none"] = "learned"
    dropout: float = Field(0.0, ge=0, le=0.9)
    drop_path: float = Field(0.0, ge=0, le=0.9)

    @property
    def as_vit(self) -> ViTOptions:
        """The options of a ViT with the same tokens and blocks, but for the order of the norms."""
        return ViTOptions(
            **self.model_dump(exclude={"kernel_size"}), pool="mean", norm_tokens=True, qkv_bias=False
        )

    @model_validator(mode="after")
    def check(self) -> CCTOptions:
        if self.kernel_size % 2 == 0:
            raise ValueError(f"kernel_size {self.kernel_size} is even: choose 3, 5 or 7")
        layers_of(self.patch_size, self.kernel_size)  # raises an error if none fit
        _ = self.as_vit  # checks the heads
        return self


def _build(options: CCTOptions, num_classes: int, image_size: int) -> nn.Module:
    from vitcore.networks.cct import CCT

    return CCT(num_classes=num_classes, image_size=image_size, **options.model_dump())


def _layers(options: CCTOptions) -> tuple[tuple[str, ...], ...]:
    blocks = ((f"transformer.{number}.",) for number in range(options.num_layers))
    return (("input_layer.", "pos_embedding"), *blocks)


# Recipes for a CPU train CCT-6/3x2, which has a quarter of the tokens.
_CPU = {
    **MUON,
    "epochs": 10,
    "keep_patches": 0.5,
    "full_epochs": 0,
    "options": {"drop_path": 0.05, "patch_size": 4},
}
ARCHITECTURE = Architecture(
    name="cct",
    label="CCT",
    color="#9467BD",
    build=_build,
    options=CCTOptions,
    recipes={
        # The tutorial has no recipe for it: use the ViT's published optimizer and schedule.
        "tutorial": {**TUTORIAL, "optimizer": "adamw", "lr": 3e-4, "weight_decay": 0.01},
        "modern": {**_CPU, "augment": "trivial"},
        "gpu": {**GPU_MUON, "full_epochs": 0, "options": {"drop_path": 0.1}},
        "quick": {**_CPU, "batch_size": 64},
    },
    measured={
        "modern": Result(0.8609, 10_000, "cifar10", 10, None),
        "quick": Result(0.589, 1_000, "cifar10-mini", 10, 3.9),
    },
    check=check_patches,
    muon=True,
    drops_patches=True,
    attention=True,
    layers=_layers,
    order=5,
)
