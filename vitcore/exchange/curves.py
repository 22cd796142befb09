"""What the event files of an imported run say about its checkpoint: scores, epochs, time of training."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vitcore.errors import UserError
from vitcore.exchange import tutorial
from vitcore.exchange.formats import Position, Weights
from vitcore.runs.folder import Run
from vitcore.runs.metrics import Scalars, active_seconds, read_scalars
from vitcore.runs.status import Scores

LONGEST_S = 1e9  # thirty years
SAME_SCORE = 1e-5  # two measurements of 5,000 images differ by at least 1 / 5,000


@dataclass(frozen=True)
class CurvesSummary:
    """What the curves tell: `result` as in status.json."""

    epochs: int
    active_s: float = 0.0
    result: Scores = field(default_factory=dict)


def describe_curves(run: Run, weights: Weights, position: Position | None, *, strict: bool) -> CurvesSummary:
    """Return what the event files of a run say about its checkpoint.

    With `strict`, raise `UserError` for event files that were given but hold no curves of this kind.
    """
    scalars = read_scalars(run.path)
    if strict and not (set(scalars.curves) & {"val_acc", "test_acc"} if weights.tutorial else scalars.curves):
        tags = "no val_acc and no test_acc" if weights.tutorial else "no curves"
        raise UserError(f"The event file holds {tags}: give the one of this checkpoint.")
    epochs = epochs_at(position, scalars, tutorial.steps_per_epoch(run.config) if weights.tutorial else None)
    result: Scores = {}
    active = 0.0
    if scalars.curves:
        last = scalars["val_acc"] if "val_acc" in scalars else next(iter(scalars.curves.values()))
        active = float(active_seconds(scalars, last)[-1])
        active = active if 0 <= active <= LONGEST_S else 0.0  # the times in the file may be anything
    if weights.tutorial and position:  # saved at the best validation accuracy
        result |= {"best_epoch": epochs, **scores_at(position.step, scalars)}
    return CurvesSummary(epochs, active, result)


def epochs_at(position: Position | None, scalars: Scalars, usual: int | None) -> int:
    """Return the number of epochs after which a checkpoint was saved, 0 if it is unknown.

    The steps decide, if they are a whole number of epochs, because Lightning's own count has changed: before
    1.6 a checkpoint counts the epochs, later it numbers them from 0. `usual` is the number of steps per epoch
    if the event files do not show it.
    """
    if position is None or not position.step:
        return 0
    per_epoch = steps_per_epoch(scalars) or usual
    if per_epoch and position.step % per_epoch == 0:
        return position.step // per_epoch
    return position.epochs


def steps_per_epoch(scalars: Scalars) -> int | None:
    """Return the optimizer steps of an epoch, from the validations and the epochs logged with them.

    Return None if they are not logged, or do not agree.
    """
    if "val_acc" not in scalars or "epoch" not in scalars:
        return None
    epoch, steps = scalars["epoch"], scalars["val_acc"].steps
    known = dict(zip(epoch.steps.tolist(), epoch.values.tolist(), strict=True))
    found = {(step + 1) / (known[step] + 1) for step in steps.tolist() if known.get(step, -1) >= 0}
    return int(value) if len(found) == 1 and (value := found.pop()).is_integer() else None


def scores_at(step: int, scalars: Scalars) -> Scores:
    """Return the scores of a checkpoint of the tutorials, which was saved at the best validation accuracy.

    There are none if the event file is of another training, such as the published one of the ViT. The
    tutorials test the validation images and the test images one after the other, and log both as test_acc.
    The test accuracy belongs to the checkpoint only if the first of the two is its validation accuracy.
    Otherwise they tested the weights of the last epoch.
    """
    if "val_acc" not in scalars:
        return {}
    curve = scalars["val_acc"]
    if not np.isfinite(curve.values).any():
        return {}
    index = int(np.nanargmax(curve.values))
    best = float(curve.values[index])
    if abs(int(curve.steps[index]) - step) > 1 or not 0 <= best <= 1:
        return {}
    result: Scores = {"val_acc": round(best, 6), "n_val": tutorial.VALIDATION}
    if "test_acc" in scalars and len(scalars["test_acc"].values) >= 2:
        tested = scalars["test_acc"]
        twin, test = (float(value) for value in tested.values[-2:])
        if tested.steps[-2] == tested.steps[-1] and abs(twin - best) < SAME_SCORE and 0 <= test <= 1:
            result |= {"test_acc": round(test, 6), "n_test": tutorial.TEST}
    return result
