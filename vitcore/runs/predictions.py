"""What a model said about eight fixed images along its training: predictions/eight.npz. No torch.

One small file holds everything and is replaced as it grows. Of a long training it keeps at most `MOST`
moments.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitcore.runs.files import write_atomic

COUNT, MOST = 8, 200
NAME = "eight.npz"


@dataclass(frozen=True)
class Predictions:
    """Rows in the order of training. N = 8 images or fewer, E moments, C classes."""

    images: np.ndarray  # uint8 [N, 3, S, S]
    truth: np.ndarray  # int64 [N]
    classes: tuple[str, ...]
    steps: np.ndarray  # int64 [E], optimizer steps
    epochs: np.ndarray  # float64 [E]
    probabilities: np.ndarray  # float32 [E, N, C]

    def with_moment(self, step: int, epoch: float, probabilities: np.ndarray) -> Predictions:
        """A moment more; what stands at this step or later was taken back by a resume and goes. Where there
        are too many, every second one goes, the first and the newest stay.
        """
        keep = np.flatnonzero(self.steps < step)
        if len(keep) >= MOST:
            keep = keep[::2]
        new = (np.append(self.steps[keep], step), np.append(self.epochs[keep], epoch))
        rows = np.concatenate([self.probabilities[keep], probabilities[None].astype(np.float32)])
        return Predictions(self.images, self.truth, self.classes, *new, rows)


def write_predictions(run: Path, found: Predictions) -> None:
    """Raises `OSError`."""
    packed = io.BytesIO()
    np.savez_compressed(
        packed,
        images=found.images,
        truth=found.truth,
        classes=np.array(found.classes),
        steps=found.steps,
        epochs=found.epochs,
        probabilities=found.probabilities,
    )
    place = run / "predictions"
    place.mkdir(exist_ok=True)
    write_atomic(place / NAME, packed.getvalue())


def read_predictions(run: Path) -> Predictions | None:
    """None where there are none, or the file is not what it should be: a run may come from somebody else."""
    try:
        with np.load(run / "predictions" / NAME, allow_pickle=False) as stored:
            names = ("images", "truth", "classes", "steps", "epochs", "probabilities")
            images, truth, classes, steps, epochs, probabilities = (stored[name] for name in names)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, MemoryError):
        return None
    n, e, c = len(images), len(steps), len(classes)
    fits = (
        images.dtype == np.uint8 and images.ndim == 4 and images.shape[1] == 3 and 0 < n <= COUNT
        and truth.shape == (n,) and classes.ndim == 1 and classes.dtype.kind == "U" and epochs.shape == (e,)
        and steps.shape == (e,) and e > 0 and probabilities.shape == (e, n, c)
        and probabilities.dtype == np.float32 and np.isfinite(probabilities).all()
        and truth.dtype.kind == "i" and ((truth >= 0) & (truth < c)).all()
    )  # fmt: skip
    return (
        Predictions(images, truth, tuple(map(str, classes)), steps, epochs, probabilities) if fits else None
    )


def choose(labels: np.ndarray, count: int = COUNT) -> np.ndarray:
    """Indices of the first images of as many classes as possible, then of the second ones. int [N], rising in
    class. The same for the same labels, so that runs on the same data are asked about the same images.
    """
    rank = np.empty(len(labels), dtype=int)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        rank[members] = np.arange(len(members))
    order = np.lexsort((np.arange(len(labels)), labels, rank))[:count]
    return order[np.argsort(labels[order], kind="stable")]
