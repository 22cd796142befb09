"""The x axes of training curves, and where the points of a curve are on them."""

from __future__ import annotations

import numpy as np

from vitcore.errors import UserError
from vitcore.runs.folder import Run
from vitcore.runs.metrics import Curve, Scalars, active_seconds, epochs_of

AXES = {
    "step": "optimizer step",
    "epoch": "epoch",
    "wall clock": "minutes of training",
    "images": "images seen",
}


def x_values(run: Run, scalars: Scalars, curve: Curve, axis: str) -> np.ndarray | None:
    """Return the x values [N] of a curve on an axis, or None if the run does not record them."""
    if axis == "wall clock":
        return active_seconds(scalars, curve) / 60
    if axis == "epoch":
        return epochs_of(scalars, curve)
    if axis == "images":
        size = batch_size(run)
        return curve.steps.astype(float) * size if size else None
    return curve.steps.astype(float)


def batch_size(run: Run) -> int | None:
    """Return images per step, or None if unknown (external event files)."""
    try:
        return run.config.batch_size
    except UserError:
        return None
