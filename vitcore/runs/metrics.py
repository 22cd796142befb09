"""Reading curves out of TensorBoard event files: the only source of curves. No torch.

`read_scalars` uses tensorboard's own loader, without a size limit, and drops what a resume took back (events
at steps not before a later `purge_step`). A torn last record is skipped until it is complete.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass
class Curve:
    """One tag of one run: equally long arrays, in the order of writing, with rising steps."""

    steps: np.ndarray  # [N] int64
    times: np.ndarray  # [N] float64, seconds since 1970
    values: np.ndarray  # [N] float64


@dataclass
class Scalars:
    """All curves of a run by tag."""

    curves: dict[str, Curve] = field(default_factory=dict)

    def __getitem__(self, tag: str) -> Curve:
        return self.curves[tag]

    def __contains__(self, tag: str) -> bool:
        return tag in self.curves


def event_files(folder: Path) -> list[Path]:
    """The event files of a run, in the order in which they were begun."""
    return sorted(folder.glob("events.out.tfevents.*"))


def signature(folder: Path) -> tuple:
    """Changes whenever an event file grows: a cheap key for caches."""
    return tuple((p.name, p.stat().st_size) for p in event_files(folder))


def read_scalars(folder: Path) -> Scalars:
    """Every scalar of the event files in a run folder. [N] per tag; empty when there are none yet."""
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    if not event_files(folder):
        return Scalars()
    reader = EventAccumulator(str(folder), size_guidance={SCALARS: 0}, purge_orphaned_data=True)
    reader.Reload()
    curves = {}
    for tag in reader.Tags()["scalars"]:
        events = reader.Scalars(tag)
        curves[tag] = Curve(
            np.array([e.step for e in events], dtype=np.int64),
            np.array([e.wall_time for e in events], dtype=np.float64),
            np.array([e.value for e in events], dtype=np.float64),
        )
    return Scalars(curves)


def epochs_of(scalars: Scalars, curve: Curve) -> np.ndarray | None:
    """The epoch (a fraction) at each point of a curve, from the logged tag `epoch`. [N] or None where it is
    missing.
    """
    if "epoch" not in scalars or not len(scalars["epoch"].steps):
        return None
    known = scalars["epoch"]
    return np.interp(curve.steps, known.steps, known.values)


def active_seconds(scalars: Scalars, curve: Curve) -> np.ndarray:
    """Seconds since the run's first event at each point, pauses between resumes left out. [N]

    A pause is a gap of more than half a minute and twenty times the median gap.
    """
    every = np.unique(np.concatenate([c.times for c in scalars.curves.values()]))
    gaps = np.diff(every, prepend=every[0])
    pause = max(30.0, 20 * float(np.median(gaps[1:]))) if len(gaps) > 1 else 30.0
    return np.interp(curve.times, every, np.cumsum(np.where(gaps > pause, 0.0, gaps)))
