"""The layers of all models by name, and their theoretical receptive fields.

The layers of a ViT or a Mixer are the patch embedding and every block. Those of a CNN are the first
convolution, every block, and every downsampling between them. For a model with only `stages`, the layers are
the stages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import nn

from vitcore.errors import UserError
from vitcore.networks.densenet import DenseBlock, DenseLayer, Transition
from vitcore.networks.googlenet import InceptionBlock
from vitcore.networks.mixer import Mixer
from vitcore.networks.resnet import Bottleneck, PreActResNetBlock, ResNetBlock
from vitcore.networks.vit import ViT, to_patches

SAME = (nn.BatchNorm2d, nn.ReLU, nn.GELU, nn.Identity, nn.Dropout)  # operate on each position separately


class Staged(Protocol):
    """A network with stages of feature maps, as Grad-CAM needs it."""

    def stages(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the maps [B, C, h, w] of every stage for normalized images [B, 3, S, S]."""
        ...

    def head(self, features: torch.Tensor) -> torch.Tensor:
        """Return the logits [B, classes] for the maps of the last stage."""
        ...


def staged(model: nn.Module) -> Staged | None:
    """Return the model if it has stages of feature maps, else None."""
    # The cast is needed because torch declares every other attribute of a module as Tensor | Module.
    return cast("Staged", model) if hasattr(model, "stages") else None


@dataclass(frozen=True)
class Chain:
    """A model as a start, a sequence of blocks, and an end: end(blocks(start(images))) are the logits."""

    start: Callable[[torch.Tensor], torch.Tensor]
    blocks: dict[str, nn.Module]
    end: Callable[[torch.Tensor], torch.Tensor]
    first: str  # name of the output of `start`


def chain(model: nn.Module) -> Chain | None:
    """Return a model's blocks in order of computation, or None if its structure is unknown."""
    if isinstance(model, ViT):
        return Chain(model.embed, _numbered(model.transformer), model.head, "patches")
    if isinstance(model, Mixer):

        def start(images: torch.Tensor) -> torch.Tensor:
            return model.input_layer(to_patches(images, model.patch_size))

        def end(tokens: torch.Tensor) -> torch.Tensor:
            return model.head(as_maps(tokens))

        return Chain(start, _numbered(model.blocks), end, "patches")
    first, last = getattr(model, "input_net", None), getattr(model, "head", None)
    blocks = getattr(model, "inception_blocks", getattr(model, "blocks", None))
    if isinstance(blocks, nn.Sequential) and first is not None and last is not None:
        return Chain(first, _numbered(blocks), last, "input")
    return None


def _numbered(blocks: nn.Sequential) -> dict[str, nn.Module]:
    counts: dict[str, int] = {}
    names = {}
    for block in blocks:
        kind = {"Transition": "transition", "MaxPool2d": "pool"}.get(type(block).__name__, "block")
        counts[kind] = counts.get(kind, 0) + 1
        names[f"{kind} {counts[kind]}"] = block
    return names


def as_maps(values: torch.Tensor, prefix: int = 0) -> torch.Tensor:
    """Convert tokens [B, T, D], without the first `prefix`, to maps [B, D, h, h]. Return maps unchanged."""
    if values.dim() == 4:
        return values
    patches = values[:, prefix:]  # [B, N, D]
    side = round(patches.shape[1] ** 0.5)
    return patches.transpose(1, 2).unflatten(2, (side, side))


def layer_maps(model: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the output of every layer for normalized images [B, 3, S, S], in order, as maps [B, C, h, w].

    The maps have gradients if those are enabled. Raise `UserError` for a model whose layers are unknown.
    """
    if parts := chain(model):
        x = parts.start(images)
        prefix = model.prefix_tokens if isinstance(model, ViT) else 0
        maps = {parts.first: as_maps(x, prefix)}
        for name, block in parts.blocks.items():
            x = block(x)
            maps[name] = as_maps(x, prefix)
        return maps
    if network := staged(model):
        return {f"stage {i + 1}": maps for i, maps in enumerate(network.stages(images))}
    raise UserError(f"The layers of a {type(model).__name__} are unknown: give it a method `stages`.")


# --- theoretical receptive fields --------------------------------------------------------------


def reach(module: nn.Module, low: int, high: int) -> tuple[int, int]:
    """Return the first and last input row on which the output rows low..high of a module depend.

    They may be outside the image, in the padding. The same holds for columns. Raise `UserError` for an
    unknown module.
    """
    if isinstance(module, nn.Sequential):
        for part in reversed(module):
            low, high = reach(part, low, high)
        return low, high
    if isinstance(module, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
        size, step, pad = map(_of_rows, (module.kernel_size, module.stride, module.padding))
        spread = module.dilation[0] if isinstance(module, nn.Conv2d) else getattr(module, "dilation", 1)
        return low * step - pad, high * step - pad + spread * (size - 1)
    if isinstance(module, SAME):
        return low, high
    if isinstance(module, (ResNetBlock, Bottleneck, PreActResNetBlock)):
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
        raise UserError(f"The receptive field of a {type(module).__name__} is unknown: add it to `reach`.")
    ends = [reach(branch, low, high) for branch in branches]
    return min(a for a, _ in ends), max(b for _, b in ends)


def _of_rows(size: int | str | tuple[int, ...]) -> int:
    """Return the value for rows, where torch stores one number or one per dimension."""
    return int(size[0] if isinstance(size, tuple) else size)


def cell(pixel: int, side: int, size: int) -> int:
    """Return the index of the part that contains a pixel, for `size` pixels in `side` equal parts."""
    return min(side - 1, pixel * side // size)


@torch.inference_mode()
def bounds(model: nn.Module, size: int, pixel: tuple[int, int]) -> list[tuple[int, int, int, int]] | None:
    """Return the theoretical receptive field of the position that contains a pixel (row, column).

    For every layer of `layer_maps` it is (top, left, bottom, right), including the last row and column. It
    can extend beyond the image into the padding. Return None if the structure is unknown. The first layer of
    a ViT or Mixer sees its own patch, or what its convolutions see, and every other layer the whole image.
    """
    parts = chain(model)
    if parts is None:
        return None
    if isinstance(model, (ViT, Mixer)):
        step, stem = model.patch_size, model.input_layer
        ends = [(p // step * step, p // step * step + step - 1) for p in pixel]
        if isinstance(model, ViT) and model.convolutional:
            ends = [reach(stem, p // step, p // step) for p in pixel]
        (top, bottom), (left, right) = ends
        image = (0, 0, size - 1, size - 1)
        return [(top, left, bottom, right), *(image for _ in parts.blocks)]
    modules = [model.input_net, *parts.blocks.values()]
    blank = torch.zeros(1, 3, size, size, device=next(model.parameters()).device)
    boxes = []
    for i, maps in enumerate(layer_maps(model, blank).values()):
        ends = []
        for position in pixel:
            low = high = cell(position, maps.shape[-1], size)
            for module in reversed(modules[: i + 1]):
                low, high = reach(module, low, high)
            ends.append((low, high))
        (top, bottom), (left, right) = ends
        boxes.append((top, left, bottom, right))
    return boxes
