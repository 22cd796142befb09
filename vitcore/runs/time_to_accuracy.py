"""Find when a training first reached a target accuracy: step, epoch, seconds and images, from its curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitcore.runs.metrics import Scalars, active_seconds, epochs_of

TAG = "val_acc"
ROUNDING = 1e-6  # by which an accuracy may exceed 1: event files hold float32
MOST_IMAGES = 10**18  # a larger number of images means that the step is wrong; tables hold 64 bits


@dataclass(frozen=True)
class Moment:
    """A point of the validation curve. None means that the run did not record the value."""

    value: float  # accuracy, 0 to 1
    step: int
    epoch: float | None
    seconds: float  # of training, excluding pauses
    images: int | None  # training images processed up to this point; None also for an impossible number


def best(scalars: Scalars, batch_size: int | None = None) -> Moment | None:
    """Return the best validation of a training (the first of equal ones), or None if there is none."""
    at = highest(scalars[TAG].values) if TAG in scalars else None
    return None if at is None else _moment(scalars, at, batch_size)


def highest(values: np.ndarray) -> int | None:
    """Return the index of the highest accuracy in a curve [N], or None if it has none.

    Values that are no fractions from 0 to 1, which a file of another program may hold, are ignored.
    """
    valid = _valid(values)
    return int(np.where(valid, values, -np.inf).argmax()) if valid.any() else None


def _valid(values: np.ndarray) -> np.ndarray:
    """Return a mask [N] of the values that can be an accuracy. NaN is none."""
    return (values >= 0) & (values <= 1 + ROUNDING)


def first_at_least(scalars: Scalars, target: float, batch_size: int | None = None) -> Moment | None:
    """Return the first validation that reaches the accuracy `target`, or None if none does."""
    if TAG not in scalars:
        return None
    values = scalars[TAG].values
    found = np.flatnonzero(_valid(values) & (values >= target - 1e-9))  # event files hold float32
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
    images = step * batch_size if batch_size else None
    return Moment(
        value=float(curve.values[at]),
        step=step,
        epoch=None if epochs is None or not np.isfinite(epochs[at]) else float(epochs[at]),
        seconds=float(active_seconds(scalars, curve)[at]),
        images=images if images is not None and abs(images) <= MOST_IMAGES else None,
    )
