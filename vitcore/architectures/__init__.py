"""The architectures: one file each in this folder, found by being here. No torch.

A file declares `ARCHITECTURE`: a name, a label, a colour, the options with their bounds, the recipes, and how
to build the model. Pages and the command line read that without loading torch; `build` imports what it needs
when it is called, from `vitcore.models` or from the same file. README shows a complete one.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from torch import nn

RECIPE_NAMES = ("quick", "modern", "tutorial")


class Options(BaseModel):
    """Settings of a model, each with its default and its bounds; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Result:
    """What a recipe gave when it was measured: one run, seed 0, minutes of wall clock on `where`."""

    test_acc: float  # share of the `count` test images that is classified right
    count: int
    data: str
    epochs: int
    minutes: float | None
    where: str = "two cores of an AMD EPYC, no GPU"

    def __str__(self) -> str:
        long = f"{self.minutes:.0f} minutes" if self.minutes and self.minutes >= 2 else "a minute"
        spent = f" in {long} on {self.where}" if self.minutes else f", {self.where}"
        return (
            f"{100 * self.test_acc:.2f} % of {self.count:,} test images after {self.epochs} epochs of "
            f"{self.data}"
            f"{spent} (one run)"
        )


@dataclass(frozen=True)
class Architecture:
    """A kind of model. `build` is its class as "module:Class", which takes `num_classes`, `image_size` and
    the options by name, or a function of (options, num_classes, image_size).
    """

    name: str  # in configurations and ids
    label: str  # as people write it
    colour: str  # its hue in every chart
    build: str | Callable[[Any, int, int], nn.Module]
    options: type[Options] = Options
    recipes: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # where they differ from Config's defaults
    measured: dict[str, Result] = field(default_factory=dict)  # per recipe, where somebody measured it
    check: Callable[[Any, int], None] = lambda options, image_size: None  # raises ValueError with a sentence
    drops_patches: bool = False  # whether its forward takes `keep`
    muon: bool = False  # whether it has blocks of matrices (named transformer.* or blocks.*) for Muon
    attention: bool = False  # whether it has `trace`
    order: int = 100  # in menus

    def make(self, options: Options, num_classes: int, image_size: int) -> nn.Module:
        """A model with random weights; imports what it needs. Raises `ValueError` for sizes that do not
        fit.
        """
        if callable(self.build):
            return self.build(options, num_classes, image_size)
        module, _, name = self.build.partition(":")
        kind = getattr(importlib.import_module(module), name)
        return kind(num_classes=num_classes, image_size=image_size, **options.model_dump())


def _found() -> dict[str, Architecture]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    declared = sorted((module.ARCHITECTURE for module in modules), key=lambda a: (a.order, a.name))
    return {architecture.name: architecture for architecture in declared}


ARCHITECTURES: dict[str, Architecture] = _found()
