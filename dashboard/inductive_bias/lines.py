"""What the figures of experiments are made of: measured models and how each is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import plotly.graph_objects as go

from vitcore.probes import View

T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S")


@dataclass(frozen=True)
class Line(Generic[T_co]):
    """One measured model and how it is drawn. `values`: those of a probe, or one shape of them; `beside`: the
    other's name where two are measured at once; `images`: how many the values are of.
    """

    label: str
    color: str
    dash: str  # dotted: untrained
    values: T_co
    beside: str = ""
    images: int = 0

    @property
    def trained(self) -> bool:
        """Whether the model was trained."""
        return self.dash == "solid"

    def of(self, shape: S) -> Line[S]:
        """The same model with one shape of its values."""
        return Line(self.label, self.color, self.dash, shape, self.beside, self.images)


@dataclass(frozen=True)
class Context:
    """What figures share besides the values. `chance`: the accuracy of guessing."""

    question: str
    view: View
    chance: float | None = None


@dataclass(frozen=True)
class Drawn:
    """A figure, what it is called in words, a heading above and a sentence below it."""

    figure: go.Figure
    alt: str
    head: str = ""
    foot: str = ""
