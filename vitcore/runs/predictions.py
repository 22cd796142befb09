"""Predictions for eight fixed images in the course of a training: predictions/eight.npz. No torch.

One small file holds all of them and is replaced as it grows. It keeps at most `MOST` moments of a training.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from vitcore.errors import UserError
from vitcore.reading import read_arrays
from vitcore.runs.files import write_atomic

COUNT, MOST = 8, 200
MOST_SHARE = 1.001  # a sum of rounded float32 probabilities may exceed 1 slightly
MOST_EPOCHS = 1e9
NAME = "eight.npz"


@dataclass(frozen=True)
class Predictions:
    """Predictions in the order of training. N = 8 images or fewer, E moments, C classes."""

    images: np.ndarray  # uint8 [N, 3, S, S]
    truth: np.ndarray  # int64 [N]
    classes: tuple[str, ...]
    steps: np.ndarray  # int64 [E], optimizer steps
    epochs: np.ndarray  # float64 [E]
    probabilities: np.ndarray  # float32 [E, N, C]

    def with_moment(self, step: int, epoch: float, probabilities: np.ndarray) -> Predictions:
        """Return the predictions with one more moment.

        Moments at this step or later were discarded by a resume and are removed. If there are too many
        moments, remove every second one, but keep the first and the newest.
        """
        keep = np.flatnonzero(self.steps < step)
        if len(keep) >= MOST:
            keep = keep[::2]
        new = (np.append(self.steps[keep], step), np.append(self.epochs[keep], epoch))
        rows = np.concatenate([self.probabilities[keep], probabilities[None].astype(np.float32)])
        return Predictions(self.images, self.truth, self.classes, *new, rows)


def write_predictions(run: Path, predictions: Predictions) -> None:
    """Write the predictions of a run. Raise `OSError` when that fails."""
    packed = io.BytesIO()
    np.savez_compressed(
        packed,
        images=predictions.images,
        truth=predictions.truth,
        classes=np.array(predictions.classes),
        steps=predictions.steps,
        epochs=predictions.epochs,
        probabilities=predictions.probabilities,
    )
    folder = run / "predictions"
    folder.mkdir(exist_ok=True)
    write_atomic(folder / NAME, packed.getvalue())


def read_predictions(run: Path) -> Predictions | None:
    """Return the predictions of a run, or None when the file is missing or invalid.

    The file is validated because a run may come from an untrusted source.
    """
    try:
        stored = read_arrays(run / "predictions" / NAME)
        return _checked(*(stored[field.name] for field in fields(Predictions)))
    except (UserError, KeyError, ValueError, SystemError):  # NumPy raises the last for invalid characters
        return None


def _checked(
    images: np.ndarray,
    truth: np.ndarray,
    classes: np.ndarray,
    steps: np.ndarray,
    epochs: np.ndarray,
    probabilities: np.ndarray,
) -> Predictions:
    """Return the predictions of these arrays. Raise `ValueError` or `SystemError` when they do not fit."""
    n, e, c = (len(array) if array.ndim else 0 for array in (images, steps, classes))
    fits = (
        images.dtype == np.uint8
        and images.ndim == 4
        and images.shape[1] == 3
        and 0 < n <= COUNT
        and 0 < images.shape[2] == images.shape[3]
        and truth.shape == (n,)
        and classes.ndim == 1
        and classes.dtype.kind == "U"
        and epochs.shape == (e,)
        and steps.shape == (e,)
        and e > 0
        and probabilities.shape == (e, n, c)
        and probabilities.dtype == np.float32
        and ((probabilities >= 0) & (probabilities <= MOST_SHARE)).all()
        and steps.dtype.kind == "i"
        and steps[0] >= 0
        and (steps[1:] > steps[:-1]).all()
        and epochs.dtype.kind == "f"
        and ((epochs >= 0) & (epochs.astype(float) <= MOST_EPOCHS)).all()
        and truth.dtype.kind == "i"
        and ((truth >= 0) & (truth < c)).all()
    )
    if not fits:
        raise ValueError("these arrays are not predictions")
    names = tuple(map(str, classes))
    for name in names:
        name.encode()  # raises a ValueError for a surrogate, which no page can show
    return Predictions(images, truth, names, steps, epochs, probabilities)


def choose(labels: np.ndarray, count: int = COUNT) -> np.ndarray:
    """Return indices of `count` images that cover as many classes as possible. int [N], sorted by class.

    Take the first image of each class, then the second of each class, and so on. The choice depends only on
    the labels, so that all runs on the same data use the same images.
    """
    rank = np.empty(len(labels), dtype=int)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        rank[members] = np.arange(len(members))
    order = np.lexsort((np.arange(len(labels)), labels, rank))[:count]
    return order[np.argsort(labels[order], kind="stable")]
