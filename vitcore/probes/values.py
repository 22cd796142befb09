"""The typed values of a probe, exactly as stored in JSON. Does not import torch.

An experiment declares a subclass of `Values` whose fields are the keys of the JSON object. An optional field
that was not measured is omitted from the JSON. `shapes` returns the values as the shapes of `shapes.py`, from
which the terminal output, the CSV file and the page's figures are created.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Self

from pydantic import ValidationError, model_serializer, model_validator

from vitcore.probes.estimates import Count, Record, Series, check_share
from vitcore.probes.probe import View
from vitcore.probes.shapes import Curves, Panel, Row, Shape


class Values(Record):
    """The values measured by a probe, partial or final."""

    def shapes(self) -> list[Shape]:
        """Return the values as shapes that can be tabulated and drawn."""
        raise NotImplementedError

    def rows(self) -> Iterator[Row]:
        """Yield one flat row per measured number."""
        for shape in self.shapes():
            yield from shape.rows()

    def brief_rows(self) -> Iterator[Row]:
        """Yield the rows for a terminal: all, unless they are too many to read."""
        yield from self.rows()

    @model_serializer(mode="wrap")
    def _without_unmeasured(self, dump: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return {name: value for name, value in dump(self).items() if name in self.model_fields_set}


class AnsweredValues(Values):
    """Values that include the class that the model predicted for each image."""

    answers: list[Count]


class CurveValues(Values):
    """Curves of fractions over one variable. A subclass names its curves and the panels that draw them.

    Of images without labels, there are only the curves `unlabeled`.
    """

    names: ClassVar[tuple[str, ...]] = ()
    unlabeled: ClassVar[tuple[str, ...]] = ()
    panels: ClassVar[tuple[Panel, ...]] = ()
    even: ClassVar[bool] = False  # draw the values of x evenly spaced

    x: list[int]
    unit: str  # of x
    curves: dict[str, Series]

    @model_validator(mode="after")
    def _as_declared(self) -> Self:
        if set(self.curves) not in (set(self.names), set(self.unlabeled)):
            raise ValueError(f"the curves are {', '.join(self.curves)} instead of {', '.join(self.names)}")
        for name, curve in self.curves.items():
            if len(curve.mean) != len(self.x):
                raise ValueError(f"{name} has {len(curve.mean)} values for {len(self.x)} values of x")
            for value in (*curve.mean, *curve.error):
                check_share(value)
        return self

    def shapes(self) -> list[Shape]:
        """Return one shape with all curves, and the panels for them."""
        view = vars(View())
        panels = [panel for panel in self.panels if panel.curve.format_map(view) in self.curves]
        return [Curves(self.unit, self.x, self.curves, panels, self.even)]


def first_problem(error: ValidationError) -> str:
    """Return a short text for the first validation error, with the key it concerns."""
    problem = error.errors(include_url=False)[0]
    key = ".".join(map(str, problem["loc"]))
    words = problem["msg"].removeprefix("Value error, ")
    return f"{key}: {words}" if key else words
