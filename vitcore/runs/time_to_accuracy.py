"""Find when a training first reached a target accuracy: step, epoch, seconds and images, from its curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitcore.runs.metrics import Scalars, active_seconds, epochs_of

TAG = "val_acc"


@dataclass(frozen=True)
class Moment:
    """A point of the validation curve. None means that the run did not record the value."""

    value: float  # accuracy, 0 to 1
    step: int
    epoch: float | None
    seconds: float  # of training, excluding pauses
    images: int | None  # training images processed up to this point


def best(scalars: Scalars, batch_size: int | None = None) -> Moment | None:
    """Return the best validation of a training (the first of equal ones), or None if there is none."""
    at = highest(scalars[TAG].values) if TAG in scalars else None
    return None if at is None else _moment(scalars, at, batch_size)


def highest(values: np.ndarray) -> int | None:
    """Return the index of the highest finite value of a curve [N], or None if no value is finite."""
    finite = np.isfinite(values)
    return int(np.where(finite, values, -np.inf).argmax()) if finite.any() else None


def first_at_least(scalars: Scalars, target: float, batch_size: int | None = None) -> Moment | None:
    """Return the first validation that reaches the accuracy `target`, or None if none does."""
    if TAG not in scalars:
        return None
    found = np.flatnonzero(scalars[TAG].values >= target - 1e-9)  # event files hold float32
    return _moment(scalars, int(found[0]), batch_size) if len(found) else None


def last(scalars: Scalars, batch_size: int | None = None) -> Moment | None:
    """Return the latest validation, or None if there is none."""
    if TAG not in scalars or not len(scalars[TAG].values):
        return None
    return _moment(scalars, len(scalars[TAG].values) - 1, batch_size)


def _moment(scalars: Scalars, at: int, batch_size: int | None) -> Moment:
    curve = scalars[TAG]
    epochs = epochs_of(scalars, curve)
    step = int(curve.steps[at])
    return Moment(
        value=float(curve.values[at]),
        step=step,
        epoch=None if epochs is None else float(epochs[at]),
        seconds=float(active_seconds(scalars, curve)[at]),
        images=step * batch_size if batch_size else None,
    )
