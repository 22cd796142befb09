"""The architectures, one file each in this folder. They are discovered automatically. No torch.

A file declares `ARCHITECTURE`: a name, a label, a color, the options with their bounds, the recipes, and a
function that builds the model. Pages and the command line read it without loading torch. `build` imports the
model when called, from `vitcore.networks` or the same file. docs/python.md shows a complete example.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from vitcore import numbers

if TYPE_CHECKING:
    from torch import nn

TWO_CORES = "two cores of an AMD EPYC, no GPU"
EXPONENT = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?[eE][+-]?[0-9]{1,4}")
RECIPE_NAMES = ("quick", "modern", "gpu", "tutorial")


class Settings(BaseModel):
    """Settings from commands, pages and files. Rejects unknown ones, and anything else for a number.

    Pydantic would read true as 1, so that `num_layers: true` built a model with one layer, and a number in
    quotation marks as that number. 1e-3 is accepted, although YAML 1.1 reads it as text.

    Files hold the settings named in `rare` only where they differ from the defaults. They came later than the
    others, and most trainings do not need them. So the files and the digests of other runs stay the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    rare: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _leave_out_rare_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values, fields = handler(self), type(self).model_fields
        return {k: v for k, v in values.items() if k not in self.rare or v != fields[k].default}

    @model_validator(mode="before")
    @classmethod
    def check_numbers(cls, values: Any) -> Any:
        numeric = _numeric_fields(cls)
        for name, value in values.items() if isinstance(values, dict) else ():
            items = value if isinstance(value, list | tuple) else (value,)
            if name in numeric and any(map(_looks_like_a_number, items)):
                kinds = numeric[name]
                kind = "a number" if float in kinds else "a whole number"
                if tuple in kinds:
                    kind = f"a list such as {list(cls.model_fields[name].default)}"
                text = repr(value).replace("True", "true").replace("False", "false")[:60]
                raise ValueError(f"{name} is {text}: it must be {kind}")
        return values


@functools.cache  # a list of runs reads thousands of configurations
def _numeric_fields(model: type[BaseModel]) -> dict[str, set[Any]]:
    """Return the types of the fields that hold numbers and nothing else, by their names."""
    kinds = {name: _kinds_of(field.annotation) for name, field in model.model_fields.items()}
    return {n: k for n, k in kinds.items() if not k & {bool, str, Literal} and k & {int, float}}


def _looks_like_a_number(value: Any) -> bool:
    """Return whether pydantic would take a value for a number that is none: true, false, or some texts."""
    if not isinstance(value, str) or EXPONENT.fullmatch(value):
        return isinstance(value, bool)
    try:
        float(value)
    except ValueError:
        return False
    return True


def _kinds_of(annotation: Any) -> set[Any]:
    """Return the types in an annotation: {tuple, int} for tuple[Annotated[int, ...], ...]."""
    inner = set().union(*(_kinds_of(part) for part in get_args(annotation)))
    return inner | {get_origin(annotation) or annotation} if not isinstance(annotation, str) else inner


class Options(Settings):
    """The settings of a model, each with its default and its bounds.

    Of the settings in `rare`, the form of a new training shows only those in `offered`.
    """

    offered: ClassVar[frozenset[str]] = frozenset()


@dataclass(frozen=True)
class Result:
    """The measured result of a recipe: one run with seed 0, and its wall-clock minutes on `where`."""

    test_acc: float  # accuracy on the `count` test images, 0 to 1
    count: int
    data: str
    epochs: int
    minutes: float | None
    where: str = TWO_CORES

    @property
    def device(self) -> str:
        """The kind of its device: cpu or cuda."""
        return "cpu" if self.where == TWO_CORES else "cuda"

    def __str__(self) -> str:
        details = f", {self.where}"
        if self.minutes:
            details = f" in {numbers.duration(60 * self.minutes)} on {self.where}"
        epochs = numbers.count(self.epochs, "epoch")
        return (
            f"{numbers.percent(self.test_acc)} of {self.count:,} test images after {epochs} of {self.data}"
            f"{details} (one run)"
        )


@dataclass(frozen=True)
class Architecture:
    """A type of model.

    `build(options, num_classes, image_size)` returns a model with random weights. It imports torch, and
    raises `ValueError` for sizes that do not fit.
    """

    name: str  # in configurations and ids
    label: str  # display name
    color: str  # its color in every chart
    build: Callable[[Any, int, int], nn.Module]
    options: type[Options] = Options
    # Only values that differ from Config's defaults
    recipes: dict[str, dict[str, Any]] = field(default_factory=dict)
    measured: dict[str, Result] = field(default_factory=dict)  # by recipe, if measured
    check: Callable[[Any, int], None] = lambda options, image_size: None  # raises ValueError
    drops_patches: bool = False  # whether `forward` takes `keep`
    masked: bool = False  # whether it can be pretrained on a part of the patches, see `vitcore.pretraining`
    muon: bool = False  # whether it has blocks of matrices (named transformer.* or blocks.*) for Muon
    attention: bool = False  # whether it has `trace`
    resizes: bool = True  # whether its weights fit other image sizes, after positions are interpolated
    layers: Callable[[Any], tuple[tuple[str, ...], ...]] | None = None  # options -> see `layer_of`
    local: tuple[str, ...] = ()  # options that, if on, tell it which pixels are near
    order: int = 100  # position in menus


def layer_of(name: str, layers: tuple[tuple[str, ...], ...]) -> int:
    """Return the index of the layer to which a parameter belongs.

    `layers` holds the beginnings of the names of each layer's parameters: those of the embedding or the first
    convolution, then those of every block or stage. All other parameters belong to the head, `len(layers)`.
    """
    return next((i for i, starts in enumerate(layers) if name.startswith(starts)), len(layers))


def _discover() -> dict[str, Architecture]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    declared = sorted((module.ARCHITECTURE for module in modules), key=lambda a: (a.order, a.name))
    return {architecture.name: architecture for architecture in declared}


ARCHITECTURES: dict[str, Architecture] = _discover()


def names_with(attribute: str) -> str:
    """Return the names of the architectures that have an attribute of `Architecture`, for sentences."""
    return ", ".join(name for name, found in ARCHITECTURES.items() if getattr(found, attribute))
