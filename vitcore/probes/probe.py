"""The declaration of a probe, which every experiment's file contains. Does not import torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from vitcore.errors import UserError
from vitcore.probes.examples import Examples
from vitcore.probes.live import LiveImage

IMAGES = 500  # default number of test images

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)
Settings = dict[str, Any]

# Images only; a classifier, and labels for the accuracy alone; or a classifier and labels of the images
Needs = Literal["images", "classifier", "labels"]


@dataclass(frozen=True)
class View:
    """The part of a result that the page shows. `border` is the padding of shifted images."""

    border: str = "reflect"


@dataclass(frozen=True)
class Outcome(Generic[V_co]):
    """The values of one model and its name on the page. `other` is the name of a pair's second model.

    `untrained` are the values of the same model with random weights, if they are known.
    """

    label: str
    values: V_co
    other: str = ""
    untrained: V_co | None = None


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
    # (model, other, images, labels, settings) -> (images done, values so far). The labels are None if the
    # images have none, or the model has no classifier. Values that need them are then left out.
    steps: Callable[..., Iterator[Any]]
    values: type[V] | None = None  # None: a plain dictionary
    finding: Callable[[Sequence[Outcome[V]], View], str] | None = None  # a sentence computed from the values
    custom: bool = False  # whether `steps` itself chooses the images and stores the result
    images: int = IMAGES  # default number of test images
    most: int | None = None  # of the images, whatever number is asked for
    leaves_out: str = ""  # why it may measure fewer images than it is given, as a clause
    version: int = 1  # increase it when the same settings give different values
    pair: bool = False  # measured on two models at once
    excluded_from_all: bool = False  # measured only by its name and not by `all`, because it takes long
    needs: Needs = "labels"  # what it cannot be measured without
    choices: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # settings, the default first
    order: int = 100  # position among the tabs of the page
    live: LiveImage | None = None  # the page also shows the experiment on one image
    examples: Examples | None = None  # images as the models see them, shown below the figures
    shared_scale: bool = False  # the color scale of its figures depends on all models in them

    @property
    def paper(self) -> str:
        """The full citation."""
        cited = f"{self.source}, {self.venue}" if self.venue else self.source
        return f"{cited}; {self.related}" if self.related else cited

    def count(self, asked: int) -> int:
        """Return how many of the images that somebody asks for are measured."""
        return min(asked, self.most or asked)

    def settings(self, given: Settings | None = None) -> Settings:
        """Return all settings, including the given ones. Raise `UserError` if they are invalid."""
        values = {name: options[0] for name, options in self.choices.items()}
        for name, value in (given or {}).items():
            if name not in self.choices:
                known = ", ".join(self.choices) or "none"
                raise UserError(f"{self.name} has no setting {name!r}: its settings are {known}.")
            if value not in self.choices[name]:
                allowed = ", ".join(map(str, self.choices[name]))
                raise UserError(f"{name} {value!r} is not possible for {self.name}: choose one of {allowed}.")
            values[name] = value
        return values

    def find(self, outcomes: Sequence[Outcome[V]], view: View) -> str:
        """Return one sentence about the models' values, or an empty string."""
        return self.finding(outcomes, view) if self.finding and outcomes else ""
