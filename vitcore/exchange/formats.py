"""The formats of checkpoints that can be imported, and what each says about the network.

`FORMATS` lists them. To add one, write a function that recognizes the content of a file and one that
returns its configuration and its weights under the names of a network of ViT Lab.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from vitcore.architectures import ARCHITECTURES
from vitcore.config import IMPORTED, PHOTOS, Config, build_config
from vitcore.data import resolve
from vitcore.data.datasets import CLASSES
from vitcore.data.subset import places_of
from vitcore.errors import UserError
from vitcore.exchange import families, tutorial
from vitcore.exchange.families.classes import IMAGENET, class_names, distinct
from vitcore.exchange.shapes import READERS, Described, read_shapes
from vitcore.exchange.tensors import named_tensors, without_common
from vitcore.preprocessing import Preprocessing
from vitcore.reading import short

LONGEST = 10_000  # epochs, the bound of Config
OUR_VIT = {"mlp_head.0.weight", "transformer.0.attn.in_proj_weight"}  # names that only our ViT has
NOT_SETTINGS = ("model", "options", "data", "recipe", "classes")  # of Config, which have their own options


@dataclass(frozen=True)
class Position:
    """Where in its training a checkpoint was saved: optimizer steps, and epochs by the checkpoint's count."""

    step: int
    epochs: int


@dataclass(frozen=True)
class Request:
    """What is to be imported: the file, its content, and what the user says about it."""

    file: Path
    content: Any
    position: Position | None = None
    model: str | None = None
    data: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def entries(self) -> Mapping[str, Any]:
        """The top-level entries of the file, none if it is not a dictionary."""
        return self.content if isinstance(self.content, Mapping) else {}


@dataclass(frozen=True)
class Weights:
    """The configuration of a network, and its tensors by name. `assumed` holds what the file does not say."""

    config: Config
    tensors: dict[str, torch.Tensor]
    assumed: dict[str, Any] = field(default_factory=dict)
    tutorial: bool = False  # trained on the tutorials' split, by their code
    family: str = ""  # what it is, if it comes from another library
    left_out: tuple[str, ...] = ()  # names of tensors that the network does not need
    origins: Mapping[str, str] = field(default_factory=dict)  # see `Foreign`


@dataclass(frozen=True)
class Format:
    """A format of checkpoints."""

    name: str  # as sentences name it
    recognize: Callable[[Request], bool]
    read: Callable[[Request], Weights]


def _is_tutorial(request: Request) -> bool:
    return request.model is None and isinstance(request.entries.get("hyper_parameters"), Mapping)


def _read_tutorial(request: Request) -> Weights:
    tensors = named_tensors(request.content, request.file)
    try:
        if request.settings or request.data:
            raise UserError("Its hyper_parameters describe the model: leave out --set and --data")
        hyper = dict(request.entries["hyper_parameters"])
        return Weights(tutorial.config_of(hyper), tensors, tutorial=True)
    except UserError as error:
        reason = str(error).rstrip(".")
        raise UserError(
            f"{request.file.name} is not a checkpoint of the tutorials ({reason}): name its network with "
            "--model."
        ) from None


def _is_named(request: Request) -> bool:
    return request.model is not None or without_common(_inside(request).tensors).keys() >= OUR_VIT


def _read_named(request: Request) -> Weights:
    model = request.model or "vit"
    if model not in ARCHITECTURES:
        raise UserError(f"Unknown model {short(model)}: choose one of {', '.join(ARCHITECTURES)}.")
    tensors = families.unwrapped(named_tensors(request.content, request.file))
    found = read_shapes(model, _shapes(tensors))
    if found is None:  # they may be those of a module in another one
        inner = without_common(tensors)
        if found := read_shapes(model, _shapes(inner)):
            tensors = inner
    if found is None:
        raise UserError(
            f"{request.file.name} does not hold the weights of a {ARCHITECTURES[model].label} of ViT Lab "
            f"(its first is {short(next(iter(tensors), 'none'))}): choose another --model."
        )
    config, assumed = _configure(request, model, found)
    return Weights(config, tensors, assumed)


def _shapes(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in tensors.items()}


@dataclass(frozen=True)
class _Given:
    """The user's settings of the model, of the configuration without the preprocessing, and of the latter."""

    options: dict[str, Any]
    settings: dict[str, Any]
    pixels: dict[str, Any]


def _divide(request: Request, model: str) -> _Given:
    """Divide the user's settings. Those of the preprocessing may be given by their own names, such as `mean`.

    One number for `mean` or `std` is that of all three channels.
    """
    fields = ARCHITECTURES[model].options.model_fields
    options, settings, pixels = {}, {}, {}
    for name, value in request.settings.items():
        if name in fields:
            options[name] = value
        elif name in Preprocessing.model_fields:
            one = name in ("mean", "std") and type(value) in (int, float)
            pixels[name] = 3 * (value,) if one else value
        elif name in Config.model_fields and name not in NOT_SETTINGS:
            settings[name] = value
        else:
            ours = (field for field in Config.model_fields if field not in NOT_SETTINGS)
            known = ", ".join((*fields, *ours, *Preprocessing.model_fields))
            raise UserError(f"Unknown setting {short(name)} for {model}: choose one of {known}.")
    if isinstance(whole := settings.get("preprocessing"), Mapping):  # Config refuses other types
        del settings["preprocessing"]
        pixels = {**whole, **pixels}
    return _Given(options, settings, pixels)


def _configure(request: Request, model: str, found: Described) -> tuple[Config, dict[str, Any]]:
    """Return the configuration, and the options in it that neither the shapes nor the user determine."""
    fields = ARCHITECTURES[model].options.model_fields
    given = _divide(request, model)
    options, settings = {**found.options, **given.options}, given.settings
    if given.pixels:
        settings.setdefault("preprocessing", given.pixels)
    label = ARCHITECTURES[model].label
    reader = READERS.get(model)
    for name in reader.required if reader else ():
        if name not in options:
            raise UserError(
                f"The weights of a {label} do not show {name}: give it, for example with "
                f"--set {name}={'none' if name == 'position' else fields[name].default}."
            )
    if found.image_size:
        settings.setdefault("image_size", found.image_size)
    if request.position and request.position.epochs:
        settings.setdefault("epochs", min(request.position.epochs, LONGEST))
    values = {"model": model, "recipe": IMPORTED, "data": request.data or "cifar10", **settings}
    config = build_config(**values, options=options)
    names = reader.assumed if reader else fields
    assumed = {name: config.options[name] for name in names if name not in options}
    if request.data:
        config = resolve(config)
    else:
        config, assumed = config.model_copy(update={"classes": CLASSES}), {**assumed, "data": "cifar10"}
    _check_count(request, found.classes, config)
    return config, assumed


def _check_count(request: Request, classes: int, config: Config) -> None:
    """Raise `UserError` unless the network has as many classes as its dataset."""
    if config.num_classes != classes:
        raise UserError(
            f"The model in {request.file.name} has {classes} classes, but {config.data} has "
            f"{config.num_classes}: give its dataset with --data, or a folder whose class names are "
            "among those of the model."
        )


def _inside(request: Request) -> families.Inside:
    """Return the tensors of the file under their names without wrappers, none for a file without weights."""
    try:
        return families.find_network(named_tensors(request.content, request.file))
    except UserError:
        return families.Inside({})


def _check_supported(request: Request) -> None:
    """Raise `UserError` for a model that is known and not supported, unless the user names its network."""
    names = _inside(request).tensors.keys()
    if request.model is None and (other := families.other_of(names)):
        maps = f", or look at {other.maps} in a notebook with `explore(attentions=...)`" if other.maps else ""
        raise UserError(f"{request.file.name} {other.refusal(names)}: choose another file{maps}.")


def _is_foreign(request: Request) -> bool:
    family = families.family_of(_inside(request).tensors)
    return family is not None and request.model in (None, family.network)


def _read_foreign(request: Request) -> Weights:
    inside = _inside(request)
    if inside.problem:
        raise UserError(f"{request.file.name} {inside.problem}.")
    family = families.family_of(inside.tensors)
    assert family is not None, "the file was recognized"
    about = families.read_about(request.file.parent)
    given = _divide(request, family.network)
    settings = given.settings
    found = families.read(family, inside.tensors, about, request.settings, request.file.name)
    assumed = dict(found.assumed)
    settings.setdefault("image_size", found.image_size)
    if "preprocessing" not in settings:
        settings["preprocessing"] = {**found.pixels, **about.preprocessing, **given.pixels}
        if not about.preprocessing:
            unsaid = [name for name in ("mean", "std") if name not in given.pixels]
            assumed |= {name: list(found.pixels[name]) for name in unsaid}  # as YAML writes it, for --set
    values = {"model": found.network, "recipe": IMPORTED, "data": request.data or PHOTOS, **settings}
    config = build_config(**values, options=found.options)
    known = about.classes if about.classes and len(about.classes) == found.classes else None
    names = distinct(known) if known else class_names(found.classes)
    if request.data:
        config = resolve(config)
    else:
        assumed["data"] = PHOTOS
    if request.data and found.classes:
        if config.num_classes < found.classes and places_of(config.classes or (), names) is not None:
            config = config.model_copy(update={"classes": names})
        _check_count(request, found.classes, config)
    else:
        config = config.model_copy(update={"classes": names})
        assumed |= {"classes": "ImageNet's"} if found.classes == IMAGENET and not known else {}
    left_out = (*found.left_out, *inside.left_out)
    return Weights(
        config,
        found.tensors,
        assumed,
        family=found.family,
        left_out=left_out,
        origins=found.origins,
    )


FORMATS = (  # the first one that recognizes a file reads it
    Format(
        "a ViT of timm, transformers, torchvision or its authors, a ResNet of timm or torchvision",
        _is_foreign,
        _read_foreign,
    ),
    Format("a checkpoint of the UvA tutorials", _is_tutorial, _read_tutorial),
    Format("weights of a ViT of ViT Lab, or of another network with --model", _is_named, _read_named),
)


def read_weights(request: Request) -> Weights:
    """Return what the first format that recognizes the file reads from it. Raise `UserError` otherwise."""
    _check_supported(request)
    for source_format in FORMATS:
        if source_format.recognize(request):
            return source_format.read(request)
    tensors = named_tensors(request.content, request.file)  # says what is wrong with a file without weights
    first = short(next(iter(tensors), "none")).strip("'")
    raise UserError(
        f"The network in {request.file.name} is not recognized (the first of its {len(tensors)} tensors is "
        f"`{first}`): importable are {', '.join(source_format.name for source_format in FORMATS)} "
        f"({', '.join(ARCHITECTURES)}) and with --set NAME=VALUE for what the shapes do not show, and a zip "
        "file of `export`."
    )
