"""The parts of an experiment's figures: the measured models as lines, and the complete figures."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Generic, TypeVar

from dashboard.drawing.figures import Figure
from vitcore.probes import View

T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S")


@dataclass(frozen=True)
class Line(Generic[T_co]):
    """One measured model and how it is drawn."""

    label: str
    color: str
    dash: str  # dotted: untrained
    values: T_co  # the values of a probe, or one shape of them
    other: str = ""  # name of the other model, if two are measured at once
    images: int = 0  # number of images measured
    origin: str = ""  # identifies the model with random weights from which the training started

    @property
    def shown(self) -> str:
        """The label for Plotly, where the title of another user must not be markup."""
        return html.escape(self.label)

    @property
    def trained(self) -> bool:
        """Whether the model was trained."""
        return self.dash == "solid"

    def of(self, shape: S) -> Line[S]:
        """Return the same model with one shape of its values."""
        return Line(self.label, self.color, self.dash, shape, self.other, self.images, self.origin)


@dataclass(frozen=True)
class Context:
    """What all figures of an experiment need in addition to the values."""

    question: str
    view: View
    chance: float | None = None  # accuracy of guessing


@dataclass(frozen=True)
class Drawn:
    """A figure with its alternative text, a heading above and a sentence below."""

    figure: Figure
    alt: str
    head: str = ""
    foot: str = ""
