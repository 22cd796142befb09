"""The Vision Transformer of the tutorial, see `vitcore.networks.vit`. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from pydantic import Field, model_validator

from vitcore.architectures import Architecture, Options, Result
from vitcore.recipes import GPU_MUON, H200, MUON, PUBLISHED, TUTORIAL

if TYPE_CHECKING:
    from torch import nn


# Options that configurations hold only where they differ from the defaults, see `Options`
RARE = frozenset(
    (
        "registers",
        "distilled",
        "cls_position",
        "embed_norm",
        "norm_tokens",
        "representation",
        "projection",
        "activation",
        "norm_eps",
        "layer_scale",
        "patch_bias",
        "conv_stem",
        "qkv_bias",
        "block_bias",
    )
)


class ViTOptions(Options):
    """The Vision Transformer; the defaults are the tutorial's (3,195,146 parameters on 32x32 images)."""

    rare: ClassVar[frozenset[str]] = RARE
    offered: ClassVar[frozenset[str]] = frozenset(("conv_stem",))

    embed_dim: int = Field(256, ge=8, le=2048, title="Embedding")
    hidden_dim: int = Field(512, ge=8, le=8192, title="Hidden width")
    num_heads: int = Field(8, ge=1, le=64, title="Heads")
    num_layers: int = Field(6, ge=1, le=48, title="Layers")
    patch_size: int = Field(4, ge=1, le=64)
    norm: Literal["pre", "post"] = "pre"
    pool: Literal["cls", "mean", "patches", "cls_mean"] = Field(
        "cls",
        description="input of the head: the CLS token; the mean over patches, without a CLS token; the mean "
        "over patches although there is a CLS token; or CLS and the mean side by side",
    )
    position: Literal["learned", "sincos", "rotary", "none"] = Field(
        "learned",
        description="learned vectors, or fixed sines and cosines, that are added to the tokens; rotary: "
        "queries and keys are turned by angles, as in DINOv3; or none",
    )
    dropout: float = Field(0.0, ge=0, le=0.9)
    drop_path: float = Field(0.0, ge=0, le=0.9)
    init_std: float = Field(
        1.0,
        gt=0,
        le=2,
        title="Initial spread",
        description="of the CLS token and the learned positions; 1 as published",
    )
    # of models from elsewhere, except for the last one; see RARE
    registers: int = Field(0, ge=0, le=64, description="register tokens, which have no positions")
    distilled: bool = Field(False, description="a distillation token with its own head, as in DeiT")
    cls_position: bool = Field(True, description="CLS and the distillation token have positions")
    embed_norm: bool = Field(False, description="layer norm before the first block, as in CLIP")
    norm_tokens: bool = Field(False, description="the last layer norm comes before pooling, not after it")
    representation: int = Field(0, ge=0, le=8192, description="width of a tanh layer before the classifier")
    projection: int = Field(0, ge=0, le=8192, description="width of a linear projection of the features")
    activation: Literal["gelu", "gelu_tanh", "quick_gelu"] = "gelu"
    norm_eps: float = Field(1e-5, gt=0, le=0.01, description="epsilon of the layer norms")
    layer_scale: float = Field(0.0, ge=0, le=1, description="first value of LayerScale; 0 turns it off")
    patch_bias: bool = Field(True, description="bias of the patch projection")
    qkv_bias: bool = Field(True, description="bias of queries, keys and values")
    block_bias: bool = Field(True, description="biases of the attention output and of the MLP")
    conv_stem: bool = Field(
        False,
        description="3x3 convolutions of stride 2 in place of the patch projection (Xiao et al. 2021, who "
        "leave out a block in return)",
    )

    @property
    def as_vit(self) -> ViTOptions:
        """These options. Other models with tokens and blocks of a ViT have this, too."""
        return self

    @property
    def prefix(self) -> tuple[str, ...]:
        """The tokens before the first patch in order: `cls`, `distillation`, `register1`, `register2`, ..."""
        first = [*(["cls"] if self.pool != "mean" else []), *(["distillation"] if self.distilled else [])]
        return (*first, *(f"register{number}" for number in range(1, self.registers + 1)))

    @property
    def prefix_tokens(self) -> int:
        """The number of tokens before the first patch."""
        return len(self.prefix)

    @model_validator(mode="after")
    def check(self) -> ViTOptions:
        if self.embed_dim % self.num_heads:
            raise ValueError(
                f"embed_dim {self.embed_dim} is not divisible by num_heads {self.num_heads}: "
                "every head gets an equal share"
            )
        if self.position == "sincos" and self.embed_dim % 4:
            raise ValueError(f"position sincos needs an embed_dim divisible by 4, not {self.embed_dim}")
        size = self.embed_dim // self.num_heads
        if self.position == "rotary" and size % 4:
            raise ValueError(
                f"position rotary needs heads with a number of channels divisible by 4, not {size}: change "
                "embed_dim or num_heads"
            )
        if self.conv_stem and self.patch_size.bit_count() != 1:
            raise ValueError(f"conv_stem needs a patch_size that is a power of two, not {self.patch_size}")
        if self.conv_stem and not self.patch_bias:
            raise ValueError("conv_stem has a bias: leave out patch_bias")
        if self.distilled and (self.pool != "cls" or self.representation or self.projection):
            raise ValueError("distilled needs pool cls, and neither a representation nor a projection")
        return self


class HasPatchSize(Protocol):
    """The options of a model that cuts images into patches."""

    @property
    def patch_size(self) -> int:
        """The side of a patch in pixels."""
        ...


def check_patches(options: HasPatchSize, image_size: int) -> None:
    """Raise `ValueError` unless the patches of `patch_size` tile an image."""
    size = options.patch_size
    if image_size % size:
        fitting = ", ".join(str(p) for p in range(1, 65) if image_size % p == 0)
        below = image_size // size * size
        sides = f"{below} or {below + size}" if below else str(size)
        raise ValueError(
            f"the image side {image_size} is not divisible by patch_size {size}: choose one of {fitting} "
            f"for the patches, or {sides} for the images"
        )


def _build(options: ViTOptions, num_classes: int, image_size: int) -> nn.Module:
    from vitcore.networks.vit import ViT

    return ViT(num_classes=num_classes, image_size=image_size, **options.model_dump())


EMBEDDING = (
    "input_layer.",
    "cls_token",
    "distillation_token",
    "register_tokens",
    "pos_embedding",
    "embed_norm.",
)


def _layers(options: ViTOptions) -> tuple[tuple[str, ...], ...]:
    """Return the layers of BEiT's layer-wise decay (Bao et al. 2022): the embedding, then each block."""
    return (EMBEDDING, *((f"transformer.{number}.",) for number in range(options.num_layers)))


_MODERN = {
    **MUON,
    "keep_patches": 0.5,
    "full_epochs": 0,
    "options": {"init_std": 0.02, "drop_path": 0.05},
}
ARCHITECTURE = Architecture(
    name="vit",
    label="ViT",
    color="#0072B2",
    build=_build,
    options=ViTOptions,
    recipes={
        "tutorial": {
            **TUTORIAL,
            "optimizer": "adamw",
            "lr": 3e-4,
            "weight_decay": 0.01,
            "options": {"dropout": 0.2},
        },
        "modern": {**_MODERN, "epochs": 20, "augment": "trivial"},
        "gpu": {**GPU_MUON, "full_epochs": 0, "options": {"init_std": 0.02, "drop_path": 0.1}},
        "quick": {**_MODERN, "epochs": 10, "batch_size": 64},
    },
    measured={
        "tutorial": Result(0.7559, 10_000, "cifar10", 180, None, PUBLISHED),
        "modern": Result(0.8256, 10_000, "cifar10", 20, 96.6),
        "gpu": Result(0.9021, 10_000, "cifar10", 88, 4.5, H200),
        "quick": Result(0.511, 1_000, "cifar10-mini", 10, 3.7),
    },
    check=check_patches,
    muon=True,
    drops_patches=True,
    masked=True,
    attention=True,
    layers=_layers,
    local=("conv_stem",),
    order=1,
)
