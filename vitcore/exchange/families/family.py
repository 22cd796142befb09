"""Translate the weights of Vision Transformers from elsewhere into those of ours.

A `Family` describes the names of one library or release. Its rules rename tensors to the names of our ViT
(`vitcore.networks.vit`). The shapes under these names then determine the options
(`vitcore.exchange.shapes`). `read` returns a `Foreign`, or raises a `UserError` with one sentence.
`vitcore.exchange.families.resnet` reads ResNets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from vitcore.architectures import ARCHITECTURES
from vitcore.architectures.vit import ViTOptions
from vitcore.errors import UserError
from vitcore.exchange.families.about import IMAGENET_PIXELS, About, heads_of
from vitcore.exchange.shapes import read_shapes
from vitcore.models import build, shapes_of
from vitcore.networks.positions import resampled_positions
from vitcore.reading import short

Tensors = dict[str, torch.Tensor]

WRAPPERS = (
    "module",
    "_orig_mod",
    "model",
    "net",
    "network",
    "base_model",
    "backbone",
    "encoder",
    "trunk",
    "vision_model",
    "vit",
    "deit",
    "resnet",
    "dinov2",
    "dinov2_with_registers",
    "dinov3_vit",
)
BLOCK = re.compile(r"(?:visual\.transformer\.)?(?:blocks|layers?|resblocks)\.(?:encoder_layer_)?(\d{1,3})\.")
OUR_BLOCK = re.compile(r"transformer\.(\d{1,3})\.")
REPORTED = ("num_heads", "norm_eps", "activation")  # options whose assumed values are reported
NEEDED = ("input_layer.weight", "transformer.0.linear.0.weight", "mlp_head.0.weight")  # to read the shapes
SIDE = 224  # pixels, of a model that takes images of any size
LARGEST_SIDE = 4096  # pixels, more than Config allows
LAYER_SCALE = 1e-5  # the first value in DINOv2; it does not matter after the import


@dataclass(frozen=True)
class Family:
    """The names of the tensors of one library or release.

    `rules` maps patterns of names to our names, as `re.Match.expand` reads them. Queries, keys and values of
    their own get the name of the joined tensor and ` q`, ` k` or ` v`. `left_out` has the patterns of tensors
    that a network does not need, such as those of a decoder. `assumed` returns the options that shapes do not
    show, and `pixels` the preprocessing, both for a model without a config.json.
    """

    name: str  # as sentences name it, with its article
    recognize: Callable[[Collection[str]], bool]
    rules: Mapping[str, str]
    assumed: Callable[[Collection[str]], dict[str, Any]]  # options that the shapes do not show
    left_out: tuple[str, ...] = ()
    pixels: Callable[[Collection[str]], dict[str, Any]] = lambda names: IMAGENET_PIXELS
    adjust: Callable[[Tensors], Tensors] = lambda tensors: tensors  # after the renaming
    network: str = "vit"  # name of our architecture


@dataclass(frozen=True)
class Foreign:
    """A network from elsewhere under our names. Without classes, its outputs are features."""

    family: str
    options: dict[str, Any]
    classes: int
    image_size: int
    tensors: Tensors
    assumed: dict[str, Any] = field(default_factory=dict)  # options that neither file nor user determine
    left_out: tuple[str, ...] = ()  # names of tensors, or the first parts of them, that were not needed
    pixels: dict[str, Any] = field(default_factory=dict)  # the usual preprocessing of the family
    network: str = "vit"  # name of our architecture
    origins: Mapping[str, str] = field(default_factory=dict)  # names in the file by ours, also those of parts


def without_wrappers(names: Collection[str]) -> dict[str, str]:
    """Return the names of tensors without the names of the modules around the network, by their names.

    Wrappers may be nested in any order, and different tensors may have different ones.
    """
    prefix = re.compile(rf"(?:(?:{'|'.join(WRAPPERS)})\.)*")
    found = {name: prefix.sub("", name.replace("._orig_mod.", "."), count=1) for name in names}
    if len(set(found.values())) < len(found):
        return {name: name for name in names}
    return found


def read(family: Family, tensors: Tensors, about: About, settings: Mapping[str, Any], file: str) -> Foreign:
    """Translate the tensors of a network of this family.

    `about` holds what a config.json says, and `settings` what the user says. An `image_size` in the settings
    interpolates learned positions. Rotary ones fit all sizes. Raise `UserError` when the network does not fit
    into our ViT.
    """
    tensors = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    ours, origins, left_out, unknown = _renamed(family, tensors)
    numbers = [int(match[1]) for name in tensors if (match := BLOCK.match(name))]
    model = f"{file} is {family.name} with {1 + max(numbers, default=-1)} blocks"
    if about.missing:
        raise UserError(f"{model}; {about.missing} not supported: choose another file.")
    if unknown:
        name = short(unknown[0]).strip("'")
        raise UserError(f"{model}; `{name}` is not supported: choose another file.")
    try:
        ours = _placed(family.adjust(_shaped(_joined(ours))))
    except ValueError as error:
        raise UserError(f"{model}; {error} is not supported: choose another file.") from None
    except (IndexError, KeyError, RuntimeError):  # tensors with another number of axes than those of a ViT
        raise UserError(
            f"{model}; the shapes of its tensors are not those of a ViT: choose another file."
        ) from None
    usual = family.assumed(tensors.keys())
    if "pos_embedding" not in ours and "position" not in usual:
        raise UserError(
            f"{model}; it has no learned positions, and of others only the rotary ones of DINOv3 are "
            "supported: choose another file."
        )
    found = read_shapes("vit", shapes_of(ours))
    if found is None:
        missing = next((name for name in NEEDED if name not in ours), NEEDED[0])
        raise UserError(f"{model}; our ViT also needs `{missing}`: choose another file.")
    width = found.options["embed_dim"]
    if about.width not in (None, width):
        raise UserError(
            f"{model} of {width} channels, but the config.json in its folder is that of a model with "
            f"{about.width}: remove one of the two."
        )
    if about.pool not in ("", "token", "avg"):
        raise UserError(f"{model}; its pooling `{about.pool}` is not supported: choose another file.")
    usual = {"num_heads": heads_of(width), **usual}
    known = {name: value for name, value in settings.items() if name in ViTOptions.model_fields}
    given = {**about.options, **known}
    options = _pooled({**found.options, **usual, **given}, "" if "pool" in known else about.pool)
    if options.get("layer_scale"):
        options["layer_scale"] = LAYER_SCALE
    size = side_of(settings, found.image_size or about.side or SIDE)
    if found.image_size not in (None, size) and size % options["patch_size"] == 0:
        ours["pos_embedding"] = resampled_positions(ours["pos_embedding"], size // options["patch_size"])
    check_fit("vit", model, ours, options, found.classes, size, origins)
    reported = (*REPORTED, *(["pool"] if "classifier.weight" in tensors else []))
    assumed = {name: value for name, value in usual.items() if name not in given and name in reported}
    if not (found.image_size or about.side or "image_size" in settings):
        assumed["image_size"] = size
    pixels = family.pixels(tensors.keys())
    return Foreign(
        family.name, options, found.classes, size, ours, assumed, left_out, pixels, origins=origins
    )


def side_of(settings: Mapping[str, Any], usual: int) -> int:
    """Return the side of the images that the user gave, if it is possible, otherwise the usual one."""
    wanted = settings.get("image_size")
    return (
        wanted if isinstance(wanted, int) and 0 < wanted <= LARGEST_SIDE else usual
    )  # Config refuses others


def _pooled(options: dict[str, Any], pool: str) -> dict[str, Any]:
    """Return the options with timm's `global_pool`, if it is known."""
    if pool and options["pool"] in ("cls", "patches"):
        options = {**options, "pool": "patches" if pool == "avg" else "cls"}
    if options["pool"] in ("mean", "patches"):
        return options
    return {name: value for name, value in options.items() if name != "norm_tokens"}  # only for a mean


def check_fit(
    network: str,
    model: str,
    ours: Tensors,
    options: Mapping[str, Any],
    classes: int,
    size: int,
    origins: Mapping[str, str],
) -> None:
    """Raise `UserError` unless the tensors are those of our network with these options.

    `model` says what the file is, and begins the sentence. `origins` holds the names in the file by ours:
    tensors are called by them where possible.
    """
    label = ARCHITECTURES[network].label
    try:
        with torch.device("meta"):
            wanted = build(network, num_classes=classes, image_size=size, **options).state_dict()
    except UserError as error:
        raise UserError(f"{model}, which does not fit into our {label}. {error}") from None
    for name, value in wanted.items():
        if name not in ours:
            raise UserError(
                f"{model}; our {label} also needs `{_name_in_file(name, origins)}`: choose another file."
            )
        if ours[name].shape != value.shape:
            shapes = f"{list(ours[name].shape)} instead of {list(value.shape)}"
            raise UserError(
                f"{model}; its `{_name_in_file(name, origins)}` has the shape {shapes}: choose another file."
            )
    if more := [name for name in ours if name not in wanted]:
        extra = _name_in_file(more[0], origins)
        raise UserError(f"{model}; `{extra}` is not part of our {label}: choose another file.")


def _name_in_file(ours: str, origins: Mapping[str, str]) -> str:
    """Return the name in the file of a tensor with our name, or ours if the file has none like it.

    That of a tensor that a block lacks follows from the same tensor of another block.
    """
    if ours in origins:
        return origins[ours]
    if block := OUR_BLOCK.match(ours):
        for name, origin in origins.items():
            other = OUR_BLOCK.match(name)
            number = BLOCK.match(origin)
            if other and number and name[other.end() :] == ours[block.end() :]:
                return f"{origin[: number.start(1)]}{block[1]}{origin[number.end(1) :]}"
    return ours


def _renamed(family: Family, tensors: Tensors) -> tuple[Tensors, dict[str, str], tuple[str, ...], list[str]]:
    """Return the tensors under our names, their names in the file by ours, the parts that are left out, and
    the names that are unknown.
    """
    rules = [(re.compile(pattern), ours) for pattern, ours in family.rules.items()]
    left_out = re.compile("|".join(family.left_out) or r"(?!)")
    found: Tensors = {}
    origins: dict[str, str] = {}
    dropped, unknown = [], []
    for name, value in tensors.items():
        target = next((match.expand(ours) for rule, ours in rules if (match := rule.fullmatch(name))), None)
        if target is None and left_out.match(name):
            dropped.append(name if name.count(".") < 2 else name.split(".")[0])
        elif target is None or target in found:
            unknown.append(name)
        else:
            found[target] = value
            origins[target] = name
            origins.setdefault(re.sub(" [qkv]$", "", target), name)
    return found, origins, tuple(dict.fromkeys(dropped)), unknown


def _joined(tensors: Tensors) -> Tensors:
    """Join queries, keys and values. Keys without biases get biases of 0."""
    found = {name: value for name, value in tensors.items() if name[-2:] not in (" q", " k", " v")}
    for name in dict.fromkeys(name[:-2] for name in tensors if name not in found):
        parts = [tensors.get(f"{name} {part}") for part in "qkv"]
        if name.endswith("bias") and parts[0] is not None and parts[1] is None:
            parts[1] = torch.zeros_like(parts[0])
        if any(part is None for part in parts):
            raise ValueError(f"`{name}` without all of queries, keys and values")
        found[name] = torch.cat([part for part in parts if part is not None])
    return found


def _shaped(tensors: Tensors) -> Tensors:
    """Give the patch projection and the tokens the shapes of ours."""
    kernel = tensors.get("input_layer.weight")
    if kernel is not None:
        if (
            kernel.dim() != 4
            or kernel.shape[1] != 3
            or kernel.shape[2] != kernel.shape[3]
            or not kernel.numel()
        ):
            raise ValueError(f"a patch projection of the shape {list(kernel.shape)}")
        tensors["input_layer.weight"] = kernel.flatten(1)  # [D, 3, P, P] -> [D, 3 * P * P]
    for name in ("cls_token", "distillation_token", "register_tokens", "pos_embedding"):
        if name in tensors:
            tensors[name] = tensors[name].reshape(1, -1, tensors[name].shape[-1])
    first, second = (tensors.get(f"transformer.0.linear.{i}.weight") for i in (0, 3))
    if first is not None and second is not None and first.shape[0] != second.shape[-1]:
        raise ValueError("a gated MLP")
    return tensors


def _placed(tensors: Tensors) -> Tensors:
    """Add the positions of registers, which ours do not have, to the registers."""
    positions, registers = tensors.get("pos_embedding"), tensors.get("register_tokens")
    first = ("cls_token" in tensors) + ("distillation_token" in tensors)
    if positions is None:
        return tensors
    count = positions.shape[1]
    with_registers = first + (0 if registers is None else registers.shape[1])
    placed = next((k for k in (first, 0, with_registers) if _is_square(count - k)), None)
    if placed is None:
        raise ValueError(f"a grid of {count} positions that is not square")
    if registers is not None and placed == with_registers > first:
        tensors["register_tokens"] = registers + positions[:, first:placed]
        tensors["pos_embedding"] = torch.cat([positions[:, :first], positions[:, placed:]], dim=1)
    return tensors


def _is_square(count: int) -> bool:
    return count > 0 and round(count**0.5) ** 2 == count
