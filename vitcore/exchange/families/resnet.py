"""The ResNets of torchvision and timm: their names, and how their tensors become those of our ResNet.

Both libraries use the same names (`conv1`, `layer1.0.bn2`, `fc`), so that one family holds both. What their
other models add is refused with its name: the stem of ResNet-D, channel attention, groups of channels.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import torch

from vitcore.architectures.resnet import ResNetOptions
from vitcore.errors import UserError
from vitcore.exchange.families.about import IMAGENET_PIXELS, About
from vitcore.exchange.families.family import Family, Foreign, Tensors, check_fit, side_of
from vitcore.exchange.shapes import read_shapes
from vitcore.models import shapes_of
from vitcore.reading import short

OF_NORM = r"(weight|bias|running_mean|running_var|num_batches_tracked)"
IN_BLOCK = re.compile(rf"layer(\d)\.(\d{{1,2}})\.(?:(conv|bn)([123])\.|downsample\.([01])\.){OF_NORM}")
AROUND = {
    r"conv1\.weight": "input_net.0.weight",
    rf"bn1\.{OF_NORM}": r"input_net.1.\1",
    r"(?:fc|head)\.(weight|bias)": r"output_net.2.\1",
}
PARTS = {  # names of parts that our ResNet does not have, and what sentences call them
    r"conv1\.\d": "a stem of several convolutions, as in ResNet-D,",
    r".*\.filt$": "anti-aliased pooling",
    r".*\.(se|se_module|eca|cbam|attn)\.": "channel attention",
    r".*\.downsample\.2\.": "average pooling on the residual path, as in ResNet-D,",
}
SIDE, SIDE_OF_CIFAR = 224, 32  # pixels, of images for a 7x7 and for a 3x3 stem
NEEDED = ("input_net.0.weight", "blocks.0.net.0.weight")  # to read the shapes


def recognize(names: Collection[str]) -> bool:
    """Return whether the names are those of a ResNet, or of a network with its stem and its stages."""
    stem = "conv1.weight" in names or "conv1.0.weight" in names
    return stem and any(name.startswith("layer1.0.") for name in names)


def assumed(names: Collection[str]) -> dict[str, Any]:
    """Return the epsilon of both libraries."""
    return {"norm_eps": 1e-5}


FAMILY = Family(
    "a ResNet of timm or torchvision",
    recognize,
    {},
    assumed,
    pixels=lambda names: {**IMAGENET_PIXELS, "interpolation": "bilinear"},
    network="resnet",
)


def read(family: Family, tensors: Tensors, about: About, settings: Mapping[str, Any], file: str) -> Foreign:
    """Translate the tensors of a ResNet. Raise `UserError` with one sentence when it does not fit into ours.

    `about` holds what a config.json says, and `settings` what the user says. Without either, the images have
    224 pixels per side, or 32 for a network whose first convolution is 3x3.
    """
    tensors = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    blocks = {match.group() for name in tensors if (match := re.match(r"layer\d\.\d{1,2}\.", name))}
    model = f"{file} is {family.name} with {len(blocks)} blocks"
    if missing := _missing_part(tensors, about):
        raise UserError(f"{model}; {missing} not supported: choose another file.")
    ours, origins, unknown = _renamed(tensors)
    if unknown:
        raise UserError(
            f"{model}; `{short(unknown[0]).strip(chr(39))}` is not supported: choose another file."
        )
    found = read_shapes("resnet", shapes_of(ours))
    if found is None:
        missing = next((name for name in NEEDED if name not in ours), NEEDED[0])
        raise UserError(f"{model}; our ResNet also needs `{missing}`: choose another file.")
    if about.pool not in ("", "avg"):
        raise UserError(f"{model}; its pooling `{about.pool}` is not supported: choose another file.")
    usual = {"stem": found.options.get("stem", "3x3"), **family.assumed(tensors.keys())}
    given = {name: value for name, value in settings.items() if name in ResNetOptions.model_fields}
    options = {**found.options, **usual, **given}
    side = about.side or (SIDE if options["stem"] == "7x7" else SIDE_OF_CIFAR)
    size = side_of(settings, side)
    check_fit("resnet", model, ours, options, found.classes, size, origins)
    width = ours["output_net.2.weight"].shape[1] if found.classes else None
    if width and about.width not in (None, width):
        raise UserError(
            f"{model} and {width} features, but the config.json in its folder is that of a model with "
            f"{about.width}: remove one of the two."
        )
    # the weights of a 3x3 stem do not show whether max pooling follows it
    reported = ["norm_eps", *(["stem"] if usual["stem"] == "3x3" else [])]
    assumed_here = {name: usual[name] for name in reported if name not in given}
    pixels = family.pixels(tensors.keys())
    return Foreign(
        family.name,
        options,
        found.classes,
        size,
        ours,
        assumed_here,
        pixels=pixels,
        network="resnet",
        origins=origins,
    )


def _missing_part(tensors: Tensors, about: About) -> str:
    """Return the part of a network that ours does not have, with its verb, or an empty text."""
    for pattern, part in PARTS.items():
        if name := next((name for name in tensors if re.match(pattern, name)), ""):
            return f"{part} (`{short(name).strip(chr(39))}`) is"
    if re.search(r"resnet(blur|aa)\d", about.architecture):
        return f"the anti-aliased pooling of `{short(about.architecture).strip(chr(39))}` is"
    for name, value in tensors.items():
        before = tensors.get(name.replace(".conv2.", ".conv1."))
        if name.endswith(".conv2.weight") and value.dim() == 4 and before is not None and before.dim() == 4:
            inputs, read_by_each = before.shape[0], value.shape[1]
            if 0 < read_by_each < inputs and inputs % read_by_each == 0:
                return f"`{name}` with {inputs // read_by_each} groups of channels, as in ResNeXt, is"
    if "bn1.weight" in tensors and "bn1.running_mean" not in tensors:
        return "a norm without `bn1.running_mean`, such as group norm, is"
    return ""


def _renamed(tensors: Tensors) -> tuple[Tensors, dict[str, str], list[str]]:
    """Return the tensors under our names, their names in the file by ours, and the names that are unknown.

    Older files lack the counts of batches, which do not affect the outputs. They become 0.
    """
    rules = [(re.compile(pattern), ours) for pattern, ours in AROUND.items()]
    places = sorted(
        {(int(match[1]), int(match[2])) for name in tensors if (match := IN_BLOCK.fullmatch(name))}
    )
    ours: Tensors = {}
    origins: dict[str, str] = {}
    unknown = []
    for name, value in tensors.items():
        target = next((match.expand(ours_) for rule, ours_ in rules if (match := rule.fullmatch(name))), None)
        if match := IN_BLOCK.fullmatch(name):
            stage, number, kind, layer, shortcut, part = match.groups()
            inner = f"downsample.{shortcut}" if kind is None else f"net.{3 * int(layer) - 3 + (kind == 'bn')}"
            target = f"blocks.{places.index((int(stage), int(number)))}.{inner}.{part}"
        if target is None or target in ours:
            unknown.append(name)
        else:
            ours[target] = value
            origins[target] = name
    for name in [name for name in ours if name.endswith(".running_mean")]:
        ours.setdefault(name.replace("running_mean", "num_batches_tracked"), torch.tensor(0))
    return ours, origins, unknown
