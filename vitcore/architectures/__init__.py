"""The architectures, one file each in this folder. They are discovered automatically. No torch.

A file declares `ARCHITECTURE`: a name, a label, a color, the options with their bounds, the recipes, and a
function that builds the model. Pages and the command line read it without loading torch. `build` imports the
model when called, from `vitcore.networks` or the same file. docs/python.md shows a complete example.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from vitcore import numbers

if TYPE_CHECKING:
    from torch import nn

RECIPE_NAMES = ("quick", "modern", "gpu", "tutorial")


class Options(BaseModel):
    """The settings of a model, each with its default and its bounds. Unknown settings are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Result:
    """The measured result of a recipe: one run with seed 0, and its wall-clock minutes on `where`."""

    test_acc: float  # accuracy on the `count` test images, 0 to 1
    count: int
    data: str
    epochs: int
    minutes: float | None
    where: str = "two cores of an AMD EPYC, no GPU"

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
    recipes: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # only values that differ from Config's defaults
    measured: dict[str, Result] = field(default_factory=dict)  # by recipe, if measured
    check: Callable[[Any, int], None] = lambda options, image_size: None  # raises ValueError
    drops_patches: bool = False  # whether `forward` takes `keep`
    muon: bool = False  # whether it has blocks of matrices (named transformer.* or blocks.*) for Muon
    attention: bool = False  # whether it has `trace`
    order: int = 100  # position in menus


def _discover() -> dict[str, Architecture]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    declared = sorted((module.ARCHITECTURE for module in modules), key=lambda a: (a.order, a.name))
    return {architecture.name: architecture for architecture in declared}


ARCHITECTURES: dict[str, Architecture] = _discover()
