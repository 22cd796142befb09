"""The declaration of an attribution method, which every method's file contains. Does not import torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from vitcore.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import nn

Needs = Literal["attention", "stages", "anything"]  # what a model must have
Settings = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """A setting of a method: its options, and the words for them. Without options, a number from 1."""

    label: str
    options: tuple[Any, ...] = ()
    default: Any = None
    help: str = ""
    show: Callable[[Any], str] = str


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to ask which regions of an image support a class.

    `compute(model, image, classes, settings)` takes a model in evaluation mode, an image [1, 3, S, S], uint8
    or normalized, classes int [C] and all settings. It returns maps [C, h, w] and imports torch when called.
    A signed map is negative where a region speaks against the class.
    """

    name: str  # in links and commands
    title: str
    formula: tuple[str, ...]  # LaTeX, one string per displayed equation
    definition: str  # Markdown: the symbols of the formula, and what exactly is computed
    reading: str = ""  # Markdown: how to read the map
    misleads: str  # one sentence: when the map misleads
    paper: str
    takes: tuple[Needs, ...]
    compute: Callable[[nn.Module, torch.Tensor, torch.Tensor, Settings], torch.Tensor]
    settings: dict[str, Setting] = field(default_factory=dict)
    signed: bool = False
    per_class: bool = True  # whether the map depends on the class
    remark: Callable[[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor], str] | None = None
    order: int = 100  # position in menus

    def complete(self, given: Mapping[str, Any] | None = None) -> Settings:
        """Return all settings, including the given ones. Raise `UserError` if they are invalid.

        A given value may be a text, as in a link.
        """
        values = {name: setting.default for name, setting in self.settings.items()}
        for name, value in (given or {}).items():
            if name not in self.settings:
                known = ", ".join(self.settings) or "none"
                raise UserError(f"{self.name} has no setting {name!r}: its settings are {known}.")
            values[name] = self._read(name, value)
        return values

    def _read(self, name: str, value: Any) -> Any:
        options = self.settings[name].options
        if not options and str(value).isascii() and str(value).isdecimal() and int(str(value)[:9]) > 0:
            return int(str(value)[:9])
        for option in options:
            if str(option) == str(value):
                return option
        allowed = ", ".join(map(str, options)) or "a whole number from 1"
        raise UserError(f"{name} {str(value)[:40]!r} is not possible for {self.name}: choose {allowed}.")

    def usable(self, given: Mapping[str, Any]) -> tuple[Settings, list[str]]:
        """Return all settings, and the names of given ones whose values are invalid and ignored.

        Ignores settings of other methods.
        """
        values, refused = self.complete(), []
        for name in self.settings.keys() & given.keys():
            try:
                values[name] = self._read(name, given[name])
            except UserError:
                refused.append(name)
        return values, sorted(refused)
