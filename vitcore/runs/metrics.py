"""Curves out of a run's TensorBoard event files, which are their only source. No torch.

The main curve of a tag is what TensorBoard's own EventAccumulator gives without a size limit; what a resume
took back is kept beside it, to be drawn faint.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from vitcore.runs.events import Collector, EventFile, Points

TOGETHER_S = 0.05


@dataclass
class Curve:
    """One tag of one run: equally long arrays, in the order of writing."""

    steps: np.ndarray  # [N] int64
    times: np.ndarray  # [N] float64, seconds since 1970
    values: np.ndarray  # [N] float64


@dataclass
class Scalars:
    """All curves of a run by tag; `rewound` are the pieces that resumes took back."""

    curves: dict[str, Curve] = field(default_factory=dict)
    rewound: dict[str, list[Curve]] = field(default_factory=dict)

    def __getitem__(self, tag: str) -> Curve:
        return self.curves[tag]

    def __contains__(self, tag: str) -> bool:
        return tag in self.curves

    @cached_property
    def clock(self) -> tuple[np.ndarray, np.ndarray]:
        """(times [M], seconds of training until then [M]), pauses between resumes left out.

        A pause is a gap of more than half a minute and twenty times the median gap.
        """
        every = [c.times for c in self.curves.values()]
        every += [c.times for pieces in self.rewound.values() for c in pieces]
        times = np.unique(np.concatenate(every)) if every else np.zeros(1)
        gaps = np.diff(times, prepend=times[0])
        apart = gaps[gaps > TOGETHER_S]  # tags of one step are written one after the other
        pause = max(30.0, 20 * float(np.median(apart))) if len(apart) else 30.0
        return times, np.cumsum(np.where(gaps > pause, 0.0, gaps))


class Reader:
    """The curves of one run folder, kept up to date: `read` looks at new bytes alone. For many threads."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lock = folder, threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self.files: dict[Path, EventFile] = {}
        self.collector, self.current = Collector(), Scalars()

    def read(self) -> Scalars:
        """Everything so far. The same object for as long as nothing is new; it must not be changed."""
        with self.lock:
            try:
                if not self._still_there():
                    self._forget()
                if self._take():
                    tags, rewound = self.collector.tags, self.collector.rewound
                    self.current = Scalars(
                        {tag: _curve(points) for tag, points in tags.items() if points.steps},
                        {tag: [_curve(points) for points in pieces] for tag, pieces in rewound.items()},
                    )
            except OSError:  # removed, or out of reach for a moment
                pass
            return self.current

    def _still_there(self) -> bool:
        return all(p.is_file() and p.stat().st_size >= f.offset for p, f in self.files.items())

    def _take(self) -> bool:
        fresh = False
        for path in event_files(self.folder):
            for event in self.files.setdefault(path, EventFile(path)).new():
                self.collector.add(event)
                fresh = True
        return fresh


def _curve(points: Points) -> Curve:
    return Curve(*points.arrays())


def event_files(folder: Path) -> list[Path]:
    """The event files of a run, in the order in which they were begun."""
    return sorted(folder.glob("events.out.tfevents.*"))


def read_scalars(folder: Path) -> Scalars:
    """Every scalar of the event files in a run folder. [N] per tag; empty when there are none yet."""
    return Reader(folder).read()


def epochs_of(scalars: Scalars, curve: Curve) -> np.ndarray | None:
    """The epoch (a fraction) at each point of a curve, from the logged tag `epoch`. [N] or None where it is
    missing.
    """
    if "epoch" not in scalars or not len(scalars["epoch"].steps):
        return None
    pieces = [*scalars.rewound.get("epoch", []), scalars["epoch"]]  # a step has one epoch, taken back or not
    steps, first = np.unique(np.concatenate([p.steps for p in pieces]), return_index=True)
    return np.interp(curve.steps, steps, np.concatenate([p.values for p in pieces])[first])


def active_seconds(scalars: Scalars, curve: Curve) -> np.ndarray:
    """Seconds of training until each point, pauses between resumes left out (`Scalars.clock`). [N]"""
    return np.interp(curve.times, *scalars.clock)


def smoothed(values: np.ndarray, weight: float) -> np.ndarray:
    """Exponential moving average as TensorBoard draws it: without the pull toward zero at the beginning. [N]

    `weight` is that of the past, 0 to 1. Values that are not numbers are left out of the average.
    """
    if not weight or not len(values):
        return values
    finite = np.isfinite(values)
    if not finite.all():
        return _with_gaps(values, finite, weight)
    size = 64  # a stretch: a product with a triangular matrix, and what came before carried along
    lag = np.subtract.outer(np.arange(size), np.arange(size))
    inner = np.where(lag >= 0, (1 - weight) * weight ** np.maximum(lag, 0), 0.0)
    rows = np.pad(values, (0, -len(values) % size)).reshape(-1, size) @ inner.T
    fade, before = weight ** np.arange(1, size + 1), 0.0
    for row in rows:
        row += before * fade
        before = row[-1]
    return rows.ravel()[: len(values)] / (1 - weight ** np.arange(1, len(values) + 1))


def _with_gaps(values: np.ndarray, finite: np.ndarray, weight: float) -> np.ndarray:
    """Each point has the average of the finite ones until then."""
    if not finite.any():
        return values
    known = smoothed(values[finite], weight)
    last = np.cumsum(finite) - 1
    return np.where(last >= 0, known[last.clip(min=0)], values)
