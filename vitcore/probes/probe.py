"""What a probe is: the declaration that an experiment's file makes. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from vitcore.errors import UserError

IMAGES = 500  # how many are measured by default

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)
Settings = dict[str, Any]


@dataclass(frozen=True)
class View:
    """What the page shows of a result that holds more. `border`: how shifted images are filled."""

    border: str = "reflect"


@dataclass(frozen=True)
class Outcome(Generic[V_co]):
    """The values of one model and its name on the page; `other`: the second model's name, of a pair."""

    label: str
    values: V_co
    other: str = ""


@dataclass(frozen=True, kw_only=True)
class Probe(Generic[V]):
    """One experiment on one or two models."""

    name: str
    title: str
    question: str
    method: str
    source: str = ""  # the paper, as the page cites it
    venue: str = ""  # where the paper appeared
    related: str = ""  # further papers, cited in the guide only
    formula: tuple[str, ...] = ()  # LaTeX, one string per displayed equation
    notation: str = ""  # continues the method: the symbols of the formula
    reading: str = ""  # Markdown: how to read the figure
    # (model, other, images, labels, settings) -> (images done, values so far)
    steps: Callable[..., Iterator[Any]]
    values: type[V] | None = None  # None: a plain dictionary
    finding: Callable[[Sequence[Outcome[V]], View], str] | None = None  # one sentence made of the numbers
    whole: bool = False  # `steps` chooses its images and stores its result, as `measure` does
    images: int = IMAGES  # how many are measured by default
    version: int = 1  # raise it when the same settings give other numbers
    pair: bool = False  # measured on two models at once
    choices: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # settings, the default first
    order: int = 100  # position among the tabs of the page

    @property
    def paper(self) -> str:
        """The full citation."""
        cited = f"{self.source}, {self.venue}" if self.venue else self.source
        return f"{cited}; {self.related}" if self.related else cited

    def settings(self, given: Settings | None = None) -> Settings:
        """All settings, the given ones checked. Raises `UserError`."""
        values = {name: options[0] for name, options in self.choices.items()}
        for name, value in (given or {}).items():
            if name not in self.choices:
                known = ", ".join(self.choices) or "none"
                raise UserError(f"{self.name} has no setting {name!r}; its settings: {known}.")
            if value not in self.choices[name]:
                fits = ", ".join(map(str, self.choices[name]))
                raise UserError(f"{name} {value!r} is not a setting of {self.name}: choose one of {fits}.")
            values[name] = value
        return values

    def find(self, outcomes: Sequence[Outcome[V]], view: View) -> str:
        """One sentence about the models' values; empty where there is nothing to say."""
        return self.finding(outcomes, view) if self.finding and outcomes else ""
