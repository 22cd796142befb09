"""Read the curves of a run from its TensorBoard event files, their only source. Does not import torch.

The main curve of a tag equals the result of TensorBoard's own EventAccumulator without a size limit. Points
that a resume discarded are kept separately, to be drawn faint.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from vitcore.runs.events import Collector, EventFile, Points

TOGETHER_S = 0.05  # points with smaller gaps belong to the same step


@dataclass
class Curve:
    """The curve of one tag of one run: arrays of equal length, in the order of writing."""

    steps: np.ndarray  # [N] int64
    times: np.ndarray  # [N] float64, seconds since 1970
    values: np.ndarray  # [N] float64


@dataclass
class Scalars:
    """All curves of a run by tag.

    `rewound` holds the segments that resumes discarded. `damaged` holds the names of files that were read
    only up to a damaged record, or that hold values which are not scalars although they should be.
    """

    curves: dict[str, Curve] = field(default_factory=dict)
    rewound: dict[str, list[Curve]] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()

    def __getitem__(self, tag: str) -> Curve:
        return self.curves[tag]

    def __contains__(self, tag: str) -> bool:
        return tag in self.curves

    @cached_property
    def clock(self) -> tuple[np.ndarray, np.ndarray]:
        """(times [M], seconds of training until then [M]), excluding pauses between resumes.

        A pause is a gap of more than half a minute and twenty times the median gap.
        """
        every = [c.times for c in self.curves.values()]
        every += [c.times for pieces in self.rewound.values() for c in pieces]
        times = np.unique(np.concatenate([np.zeros(0), *every]))
        times = times[np.isfinite(times)] if np.isfinite(times).any() else np.zeros(1)
        gaps = np.diff(times, prepend=times[0])
        apart = gaps[gaps > TOGETHER_S]  # the tags of one step are written in quick succession
        pause = max(30.0, 20 * float(np.median(apart))) if len(apart) else 30.0
        return times, np.cumsum(np.where(gaps > pause, 0.0, gaps))


class Reader:
    """An incremental reader of the curves of a run folder: `read` parses only new bytes. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lock = folder, threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self.files: dict[Path, EventFile] = {}
        self.odd: set[Path] = set()  # files with values that are not scalars
        self.collector, self.current = Collector(), Scalars()

    def read(self) -> Scalars:
        """Return all curves so far. Without new data, return the same object. Callers must not change it."""
        with self.lock:
            try:
                if not self._files_exist():
                    self._forget()
                if self._read_new_events():
                    tags, rewound = self.collector.tags, self.collector.rewound
                    self.current = Scalars(
                        {tag: _curve(points) for tag, points in tags.items() if points.steps},
                        {tag: [_curve(points) for points in pieces] for tag, pieces in rewound.items()},
                        tuple(
                            path.name for path, file in self.files.items() if file.broken or path in self.odd
                        ),
                    )
            except OSError:  # removed or temporarily unavailable
                pass
            return self.current

    def _files_exist(self) -> bool:
        return all(p.is_file() and p.stat().st_size >= f.offset for p, f in self.files.items())

    def _read_new_events(self) -> bool:
        fresh = False
        for path in event_files(self.folder):
            file = self.files.setdefault(path, EventFile(path))
            broken = file.broken
            for event in file.new():
                self.collector.add(event)
                if self.collector.odd:
                    self.odd.add(path)
                fresh = True
            fresh = fresh or file.broken != broken
        return fresh


def _curve(points: Points) -> Curve:
    return Curve(*points.arrays())


def event_files(folder: Path) -> list[Path]:
    """Return the event files of a run in order of creation."""
    return sorted(path for path in folder.glob("*tfevents*") if path.is_file())


def read_scalars(folder: Path) -> Scalars:
    """Return all scalars of the event files in a run folder: [N] per tag, empty when there are none yet."""
    return Reader(folder).read()


def epochs_of(scalars: Scalars, curve: Curve) -> np.ndarray | None:
    """Return the fractional epoch at each point of a curve [N], or None if the tag `epoch` was not logged."""
    if "epoch" not in scalars or not len(scalars["epoch"].steps):
        return None
    # Discarded points relate steps and epochs, too
    pieces = [*scalars.rewound.get("epoch", []), scalars["epoch"]]
    steps, first = np.unique(np.concatenate([p.steps for p in pieces]), return_index=True)
    return np.interp(curve.steps, steps, np.concatenate([p.values for p in pieces])[first])


def active_seconds(scalars: Scalars, curve: Curve) -> np.ndarray:
    """Return the seconds of training until each point [N], excluding pauses (`Scalars.clock`)."""
    return np.interp(curve.times, *scalars.clock)


def smoothed(values: np.ndarray, weight: float) -> np.ndarray:
    """Return the exponential moving average as in TensorBoard, with bias correction at the start. [N]

    `weight` is the weight of past values, 0 to 1. Values that are not finite are excluded from the average.
    """
    if not weight or not len(values):
        return values
    finite = np.isfinite(values)
    if not finite.all():
        return _with_gaps(values, finite, weight)
    size = 64  # block size: one product with a triangular matrix per block; `before` carries the state
    lag = np.subtract.outer(np.arange(size), np.arange(size))
    inner = np.where(lag >= 0, (1 - weight) * weight ** np.maximum(lag, 0), 0.0)
    rows = np.pad(values, (0, -len(values) % size)).reshape(-1, size) @ inner.T
    fade, before = weight ** np.arange(1, size + 1), 0.0
    for row in rows:
        row += before * fade
        before = row[-1]
    return rows.ravel()[: len(values)] / (1 - weight ** np.arange(1, len(values) + 1))


def _with_gaps(values: np.ndarray, finite: np.ndarray, weight: float) -> np.ndarray:
    """Return the moving average of the finite values, with a gap where a value is not finite."""
    if not finite.any():
        return values
    known = smoothed(values[finite], weight)
    last = np.cumsum(finite) - 1
    return np.where(finite, known[last.clip(min=0)], np.nan)
