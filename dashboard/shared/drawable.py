"""What a chart of curves holds, and what it leaves out: points that are far from all others or not finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dashboard.components.curves import Best, Series
from vitcore import numbers

FAR = 100_000  # times as far from zero as all other points: these would be one vertical line
FAR_LOG = 10**10  # the same for a logarithmic axis


@dataclass
class Drawing:
    """The contents of one chart."""

    items: list[Series]
    best: list[Best]
    missing: list[str]  # names of runs without x values for the axis
    not_finite: list[str] = field(default_factory=list)  # names of curves without a finite value
    gaps: dict[str, int] = field(default_factory=dict)  # numbers of points without a finite value, by curve
    far: dict[str, int] = field(default_factory=dict)  # numbers of points beyond the `reach`, by curve
    large: dict[str, int] = field(default_factory=dict)  # numbers of points whose values are beyond it

    @property
    def empty(self) -> bool:
        """Whether there is no point to draw."""
        return not any(item["x"] for item in self.items)

    def notes(self, axis: str) -> list[str]:
        """Return a sentence about each kind of curve or point that is not drawn."""
        notes = []
        if self.missing:
            notes.append(f"Not drawn, because {axis} is not recorded: {_listed(self.missing)}.")
        if self.not_finite:
            notes.append(f"Not drawn, because no value is a finite number: {_listed(self.not_finite)}.")
        if self.gaps:
            notes.append(f"Not drawn, because the value is not a finite number: {_counted(self.gaps)}.")
        if self.far:
            notes.append(about_far(axis, self.far))
        if self.large:
            notes.append(
                f"Not drawn, because the value is more than {FAR:,} times all other values: "
                f"{_counted(self.large)}."
            )
        return notes


def about_far(axis: str, far: Mapping[str, int]) -> str:
    """Return a sentence about the points that a chart leaves out, given their numbers by name."""
    quantity = "number of images" if axis == "images" else axis
    return (
        f"Not drawn, because the {quantity} is not finite, or more than {FAR:,} times that of all other "
        f"points: {_counted(far)}."
    )


def _counted(points: Mapping[str, int]) -> str:
    return "; ".join(f"{name}, {numbers.count(count, 'point')}" for name, count in points.items())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def reach(positions: Sequence[np.ndarray], far: float = FAR) -> float:
    """Return the largest distance from zero at which points are drawn, given the x or y values of all curves.

    It is infinite unless the minority of the points is more than `far` times as far from zero as all others.
    Distances below 1 count as 1, since the first minutes and epochs of a training have tiny fractions.
    """
    x = np.concatenate([np.zeros(0), *positions])
    distances = np.maximum(np.abs(x[np.isfinite(x)]), 1.0)
    if distances.max(initial=0.0) <= far:  # of almost all charts, which may be drawn every second
        return np.inf
    distances.sort()
    for last in np.flatnonzero(distances[1:] / far > distances[:-1]):
        if len(distances) - last - 1 < last + 1:
            return float(distances[last])
    return np.inf


def within(x: np.ndarray, limit: float) -> np.ndarray:
    """Return a mask [N] of the finite x values whose distance from zero is at most `limit`."""
    return np.isfinite(x) & (np.abs(x) <= limit)
