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
from vitcore.config import Config, build_config
from vitcore.data import resolve
from vitcore.data.datasets import CLASSES
from vitcore.errors import UserError
from vitcore.exchange import tutorial
from vitcore.exchange.shapes import READERS, Described, read_shapes
from vitcore.exchange.tensors import named_tensors
from vitcore.reading import short

RECIPE = "imported"  # of runs whose training is unknown
LONGEST = 10_000  # epochs, the bound of Config
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
    return request.model is not None


def _read_named(request: Request) -> Weights:
    model = str(request.model)
    if model not in ARCHITECTURES:
        raise UserError(f"Unknown model {short(model)}: choose one of {', '.join(ARCHITECTURES)}.")
    tensors = named_tensors(request.content, request.file)
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    found = read_shapes(model, shapes)
    if found is None:
        raise UserError(
            f"{request.file.name} does not hold the weights of a {ARCHITECTURES[model].label} of ViT Lab "
            f"(its first is {short(next(iter(tensors), 'none'))}): choose another --model."
        )
    config, assumed = _configure(request, model, found)
    return Weights(config, tensors, assumed)


def _configure(request: Request, model: str, found: Described) -> tuple[Config, dict[str, Any]]:
    """Return the configuration, and the options in it that neither the shapes nor the user determine."""
    fields = ARCHITECTURES[model].options.model_fields
    options, settings = dict(found.options), {}
    for name, value in request.settings.items():
        if name in fields:
            options[name] = value
        elif name in Config.model_fields and name not in NOT_SETTINGS:
            settings[name] = value
        else:
            known = ", ".join((*fields, *(f for f in Config.model_fields if f not in NOT_SETTINGS)))
            raise UserError(f"Unknown setting {short(name)} for {model}: choose one of {known}.")
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
    values = {"model": model, "recipe": RECIPE, "data": request.data or "cifar10", **settings}
    config = build_config(**values, options=options)
    names = reader.assumed if reader else fields
    assumed = {name: config.options[name] for name in names if name not in options}
    if request.data:
        config = resolve(config)
    else:
        config, assumed = config.model_copy(update={"classes": CLASSES}), {**assumed, "data": "cifar10"}
    if config.num_classes != found.classes:
        raise UserError(
            f"The model in {request.file.name} has {found.classes} classes, but {config.data} has "
            f"{config.num_classes}: give its dataset with --data."
        )
    return config, assumed


FORMATS = (  # the first one that recognizes a file reads it
    Format("a checkpoint of the UvA tutorials", _is_tutorial, _read_tutorial),
    Format("weights of a network of ViT Lab with --model", _is_named, _read_named),
)


def read_weights(request: Request) -> Weights:
    """Return what the first format that recognizes the file reads from it. Raise `UserError` otherwise."""
    for source_format in FORMATS:
        if source_format.recognize(request):
            return source_format.read(request)
    named_tensors(request.content, request.file)  # says what is wrong with a file without weights
    names = ", ".join(ARCHITECTURES)
    raise UserError(
        f"{request.file.name} does not say which network its weights belong to: name it with --model "
        f"({names}), and give with --set NAME=VALUE what the shapes do not show (importable are "
        f"{', '.join(source_format.name for source_format in FORMATS)}, and a zip file of `export`)."
    )
