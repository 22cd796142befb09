"""The layers of any of the models by name, computed by walking through it, and how far each can possibly
see.

A ViT's and a Mixer's layers are the patches' embedding and every block; a CNN's are the first convolution
and every block and halving between them. A model that has nothing but `stages` gives those.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from vitcore.errors import UserError
from vitcore.models.densenet import DenseBlock, DenseLayer, Transition
from vitcore.models.googlenet import InceptionBlock
from vitcore.models.mixer import Mixer
from vitcore.models.resnet import PreActResNetBlock, ResNetBlock
from vitcore.models.vit import ViT, to_patches

SAME = (nn.BatchNorm2d, nn.ReLU, nn.GELU, nn.Identity, nn.Dropout)  # each output sees its own place alone


@dataclass(frozen=True)
class Layer:
    """What a layer put out for a batch."""

    name: str
    values: torch.Tensor  # tokens [B, T, D], CLS first where there is one, or maps [B, C, h, w]

    @property
    def maps(self) -> torch.Tensor:
        """As feature maps, without CLS. [B, C, h, w]"""
        if self.values.dim() == 4:
            return self.values
        side = int(self.values.shape[1] ** 0.5)
        patches = self.values[:, self.values.shape[1] - side * side :]  # [B, N, D]
        return patches.transpose(1, 2).unflatten(2, (side, side))


def body(model: nn.Module) -> nn.Sequential | None:
    """The blocks after a CNN's first convolution; None for another model."""
    if isinstance(model, Mixer) or not isinstance(getattr(model, "input_net", None), nn.Module):
        return None
    found = getattr(model, "inception_blocks", None)
    found = getattr(model, "blocks", None) if found is None else found
    return found if isinstance(found, nn.Sequential) else None


def _names(blocks: nn.Sequential) -> list[str]:
    counts, names = {}, []
    for block in blocks:
        kind = {"Transition": "transition", "MaxPool2d": "pool"}.get(type(block).__name__, "block")
        counts[kind] = counts.get(kind, 0) + 1
        names.append(f"{kind} {counts[kind]}")
    return names


def layers(model: nn.Module, images: torch.Tensor) -> list[Layer]:
    """All layers of a batch of normalised images [B, 3, S, S], first to last. With gradients where they are
    enabled. Raises `UserError` for a model whose layers are unknown.
    """
    if isinstance(model, (ViT, Mixer)):
        if isinstance(model, ViT):
            x, blocks = model.embed(images), model.transformer
        else:
            x, blocks = model.input_layer(to_patches(images, model.patch_size)), model.blocks
        found = [Layer("patches", x)]
        for i, block in enumerate(blocks):
            found.append(Layer(f"block {i + 1}", block(found[-1].values)))
        return found
    if (blocks := body(model)) is not None:
        found = [Layer("input", model.input_net(images))]
        for name, block in zip(_names(blocks), blocks, strict=True):
            found.append(Layer(name, block(found[-1].values)))
        return found
    if hasattr(model, "stages"):
        return [Layer(f"stage {i + 1}", maps) for i, maps in enumerate(model.stages(images))]
    raise UserError(f"The layers of a {type(model).__name__} are not known: give it `stages`.")


# --- how far a layer can see -------------------------------------------------------------------


def reach(module: nn.Module, low: int, high: int) -> tuple[int, int]:
    """The first and last input row that the output rows low..high of a module depend on; may lie outside of
    the image, where the padding is. The same holds for columns. Raises `UserError` for an unknown module.
    """
    if isinstance(module, nn.Sequential):
        for part in reversed(module):
            low, high = reach(part, low, high)
        return low, high
    if isinstance(module, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
        size, step, pad = (
            value[0] if isinstance(value, tuple) else value
            for value in (module.kernel_size, module.stride, module.padding)
        )
        spread = module.dilation[0] if isinstance(module, nn.Conv2d) else getattr(module, "dilation", 1)
        return low * step - pad, high * step - pad + spread * (size - 1)
    if isinstance(module, SAME):
        return low, high
    if isinstance(module, (ResNetBlock, PreActResNetBlock)):
        branches = (module.net, module.downsample or nn.Identity())
    elif isinstance(module, DenseLayer):
        branches = (module.net, nn.Identity())
    elif isinstance(module, InceptionBlock):
        branches = (module.conv_1x1, module.conv_3x3, module.conv_5x5, module.max_pool)
    elif isinstance(module, DenseBlock):
        branches = (module.block,)
    elif isinstance(module, Transition):
        branches = (module.transition,)
    else:
        raise UserError(f"How far a {type(module).__name__} sees is not known.")
    ends = [reach(branch, low, high) for branch in branches]
    return min(a for a, _ in ends), max(b for _, b in ends)


@dataclass(frozen=True)
class Bound:
    """The theoretical receptive field of one position in a layer, in pixels of the image."""

    name: str
    side: int  # how many pixels a side, the padding included
    top: int  # first and last row and column inside the image
    left: int
    bottom: int
    right: int


def bounds(model: nn.Module, size: int, position: tuple[int, int]) -> list[Bound] | None:
    """The theoretical receptive field of the position that contains a pixel (row, column), in every layer of
    `layers`. None where the model's structure is unknown.

    A ViT's or Mixer's first layer sees its own patch, every other layer the whole image.
    """
    if isinstance(model, (ViT, Mixer)):
        step, blocks = model.patch_size, len(model.transformer if isinstance(model, ViT) else model.blocks)
        top, left = (p // step * step for p in position)
        whole = (size, 0, 0, size - 1, size - 1)
        return [
            Bound("patches", step, top, left, top + step - 1, left + step - 1),
            *(Bound(f"block {i + 1}", *whole) for i in range(blocks)),
        ]
    if (blocks := body(model)) is None:
        return None
    parts = [model.input_net, *blocks]
    found = []
    with torch.inference_mode():
        sides = [layer.values.shape[-1] for layer in layers(model, _blank(model, size))]
    for i, (name, side) in enumerate(zip(["input", *_names(blocks)], sides, strict=True)):
        ends = []
        for pixel in position:
            low = high = cell(pixel, side, size)
            for part in reversed(parts[: i + 1]):
                low, high = reach(part, low, high)
            ends.append((low, high))
        (top, bottom), (left, right) = ends
        inside = (max(0, top), max(0, left), min(size - 1, bottom), min(size - 1, right))
        found.append(Bound(name, bottom - top + 1, *inside))
    return found


def cell(pixel: int, side: int, size: int) -> int:
    """Which of `side` equal parts of `size` pixels a pixel lies in."""
    return min(side - 1, pixel * side // size)


def _blank(model: nn.Module, size: int) -> torch.Tensor:
    return torch.zeros(1, 3, size, size, device=next(model.parameters()).device)
