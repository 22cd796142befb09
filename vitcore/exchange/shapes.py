"""Read the options of a network off the names and shapes of its weights. Does not import torch.

A reader returns the options that the shapes determine, with the number of classes and, if it shows, the side
of the images in pixels. It does not check the weights: a wrong name or shape fails later, when the network
is built with these options.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vitcore.networks.tokenizer_sizes import step_of

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Described:
    """What the shapes say about a network. `image_size` is None where any size has the same weights."""

    options: dict[str, Any]
    classes: int
    image_size: int | None = None


@dataclass(frozen=True)
class Reader:
    """How to read one architecture.

    `required` names the options that the shapes do not show and that must be given. `assumed` names those
    whose defaults are usual, and which are reported.
    """

    read: Callable[[Shapes], Described]
    required: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


def _count(shapes: Shapes, pattern: str) -> int:
    """Return one more than the largest index that `pattern` captures in a name, or 0 without any."""
    found = (re.match(pattern, name) for name in shapes)
    return max((int(match[1]) + 1 for match in found if match and len(match[1]) < 4), default=0)


def _root(number: float) -> int:
    """Return the square root of a number that should be a square."""
    return math.isqrt(max(0, int(number)))


def _vit(shapes: Shapes) -> Described:
    if "input_layer.weight" in shapes:
        embed_dim, inputs = shapes["input_layer.weight"]
        patch_size = _root(inputs // 3)
    else:  # a convolutional stem, whose convolutions halve the side, but for one of 1x1
        kernels = [shape for n, shape in shapes.items() if n.startswith("input_layer.") and len(shape) == 4]
        embed_dim = next(shape[0] for shape in kernels if shape[2:] == (1, 1))
        patch_size = 2 ** (len(kernels) - 1)
    has_cls = "cls_token" in shapes
    options: dict[str, Any] = {
        "embed_dim": embed_dim,
        "hidden_dim": shapes["transformer.0.linear.0.weight"][0],
        "num_layers": _count(shapes, r"transformer\.(\d+)\."),
        "patch_size": patch_size,
        "pool": "cls" if has_cls else "mean",
        **_rare(shapes),
    }
    image_size = None
    if "pos_embedding" in shapes:
        options["position"] = "learned"
        count = shapes["pos_embedding"][1]
        side = _root(count)  # at most two tokens before the patches have positions
        if has_cls and count == side * side:
            options["cls_position"] = False
        image_size = patch_size * side
    classes, read = shapes.get("mlp_head.1.weight", (0, embed_dim))
    reads = shapes.get("pre_logits.0.weight", shapes.get("projection.weight", (classes, read)))[1]
    if has_cls and reads == 2 * embed_dim:
        options["pool"] = "cls_mean"
    return Described(options, classes, image_size)


def _rare(shapes: Shapes) -> dict[str, Any]:
    """Return the options of a ViT that differ from their defaults, of those that names and shapes show."""
    found = {
        "registers": shapes["register_tokens"][1] if "register_tokens" in shapes else 0,
        "distilled": "distillation_token" in shapes,
        "embed_norm": "embed_norm.weight" in shapes,
        "conv_stem": "input_layer.weight" not in shapes,
        "representation": shapes["pre_logits.0.weight"][0] if "pre_logits.0.weight" in shapes else 0,
        "projection": shapes["projection.weight"][0] if "projection.weight" in shapes else 0,
        "layer_scale": 1.0
        if "transformer.0.layer_scale_1" in shapes
        else 0.0,  # their first value is unknown
    }
    biases = {
        **({} if found["conv_stem"] else {"patch_bias": "input_layer.bias"}),
        "qkv_bias": "transformer.0.attn.in_proj_bias",
        "block_bias": "transformer.0.linear.0.bias",
    }
    return {name: value for name, value in found.items() if value} | {
        option: False for option, name in biases.items() if name not in shapes
    }


def _cct(shapes: Shapes) -> Described:
    kernels = [shape for n, shape in shapes.items() if n.startswith("input_layer.") and len(shape) == 4]
    kernel_size = kernels[0][-1]
    options = {
        "embed_dim": shapes["attention_pool.weight"][1],
        "hidden_dim": shapes["transformer.0.linear.0.weight"][0],
        "num_layers": _count(shapes, r"transformer\.(\d+)\."),
        "kernel_size": kernel_size,
        "patch_size": step_of(kernel_size) ** len(kernels),
        "position": "learned" if "pos_embedding" in shapes else "none",
    }
    positions = shapes.get("pos_embedding", (1, 0))[1]
    return Described(
        options, shapes["mlp_head.1.weight"][0], options["patch_size"] * _root(positions) or None
    )


def _mixer(shapes: Shapes) -> Described:
    embed_dim, inputs = shapes["input_layer.weight"]
    token_dim, patches = shapes["blocks.0.tokens.0.weight"]
    patch_size = _root(inputs // 3)
    options = {
        "embed_dim": embed_dim,
        "token_dim": token_dim,
        "channel_dim": shapes["blocks.0.channels.0.weight"][0],
        "num_layers": _count(shapes, r"blocks\.(\d+)\."),
        "patch_size": patch_size,
    }
    return Described(options, shapes["output_layer.weight"][0], patch_size * _root(patches))


def _kernels(shapes: Shapes, block: int) -> list[tuple[int, ...]]:
    """Return the shapes of the kernels on the main path of a block of a ResNet, in order."""
    return [shape for n, shape in shapes.items() if n.startswith(f"blocks.{block}.net.") and len(shape) == 4]


def _preactresnet(shapes: Shapes) -> Described:
    widths, counts = [_kernels(shapes, 0)[0][0]], [0]
    for i in range(_count(shapes, r"blocks\.(\d+)\.")):
        if i and any(name.startswith(f"blocks.{i}.downsample.") for name in shapes):  # the first of a stage
            widths.append(_kernels(shapes, i)[0][0])
            counts.append(0)
        counts[-1] += 1
    classes = shapes["output_net.2.weight"][0] if "output_net.2.weight" in shapes else 0
    return Described({"c_hidden": widths, "num_blocks": counts}, classes)


def _resnet(shapes: Shapes) -> Described:
    """Return also the options that differ from their defaults, those of a ResNet for ImageNet."""
    found = _preactresnet(shapes)
    stem, kernels, width = shapes["input_net.0.weight"], _kernels(shapes, 0), found.options["c_hidden"][0]
    rare: dict[str, Any] = {"stem": "7x7"} if stem[2:] == (7, 7) else {}
    if stem[0] != width:
        rare["c_stem"] = stem[0]
    if len(kernels) == 3:
        rare |= {"block": "bottleneck", "expansion": kernels[2][0] // max(1, kernels[2][1])}
    if any(re.match(r"blocks\.\d+\.downsample\.0\.", name) for name in shapes):
        rare["shortcut"] = "conv_norm"
    return Described({**found.options, **rare}, found.classes)


def _googlenet(shapes: Shapes) -> Described:
    return Described({}, shapes["output_net.2.weight"][0])


def _densenet(shapes: Shapes) -> Described:
    growth_rate = shapes["blocks.0.block.0.net.5.weight"][0]
    stages = range(0, _count(shapes, r"blocks\.(\d+)\."), 2)  # transitions are in between
    options = {
        "num_layers": [_count(shapes, rf"blocks\.{i}\.block\.(\d+)\.") for i in stages],
        "bn_size": shapes["blocks.0.block.0.net.2.weight"][0] // max(1, growth_rate),
        "growth_rate": growth_rate,
    }
    return Described(options, shapes["output_net.4.weight"][0])


READERS: dict[str, Reader] = {
    "vit": Reader(_vit, required=("num_heads", "position"), assumed=("norm",)),
    "mixer": Reader(_mixer),
    "cct": Reader(_cct, required=("num_heads",)),
    "resnet": Reader(_resnet),
    "preactresnet": Reader(_preactresnet),
    "googlenet": Reader(_googlenet),
    "densenet": Reader(_densenet),
}


def read_shapes(model: str, shapes: Shapes) -> Described | None:
    """Return what the shapes say about a network, or None if they are not those of the model.

    Of a model without a reader, they say nothing.
    """
    if model not in READERS:
        return Described({}, 10)
    try:
        return READERS[model].read(shapes)
    # a missing weight, or one with another number of axes
    except (KeyError, IndexError, ValueError, StopIteration):
        return None
