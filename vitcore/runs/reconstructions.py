"""Reconstructions of eight fixed images in the course of a pretraining: predictions/reconstructions.npz.

One file holds all of them and is replaced as it grows. It keeps at most `MOST` moments, and fewer of large
images, so that it stays below `MOST_BYTES` before it is compressed. Does not import torch.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from vitcore.errors import UserError
from vitcore.reading import read_arrays
from vitcore.runs.files import write_atomic
from vitcore.runs.predictions import COUNT, MOST_EPOCHS

MOST, MOST_BYTES = 60, 16_000_000
FILE = Path("predictions", "reconstructions.npz")  # in the folder of a run


@dataclass(frozen=True)
class Reconstructions:
    """Reconstructions in the order of training. N = 8 images or fewer, E moments, G^2 patches of an image.

    In a reconstruction the visible patches are those of the image, and the masked ones are predicted.
    """

    images: np.ndarray  # uint8 [N, 3, S, S]
    visible: np.ndarray  # bool [N, G^2]
    steps: np.ndarray  # int64 [E], optimizer steps
    epochs: np.ndarray  # float64 [E]
    restored: np.ndarray  # uint8 [E, N, 3, S, S]

    @classmethod
    def begin(cls, images: np.ndarray, visible: np.ndarray) -> Reconstructions:
        """Return reconstructions without a moment, of images uint8 [N, 3, S, S] and bool [N, G^2]."""
        nothing = np.zeros((0, *images.shape), np.uint8)
        return cls(images, visible, np.zeros(0, np.int64), np.zeros(0), nothing)

    @property
    def masked(self) -> np.ndarray:
        """Which pixels are masked. bool [N, S, S]"""
        side, grid = self.images.shape[-1], math.isqrt(self.visible.shape[1])
        place = np.arange(side) * grid // side
        return ~self.visible.reshape(-1, grid, grid)[:, place][:, :, place]

    def until(self, step: int) -> Reconstructions:
        """Return the moments up to a step."""
        return self._of(np.flatnonzero(self.steps <= step))

    def with_moment(self, step: int, epoch: float, restored: np.ndarray) -> Reconstructions:
        """Return the reconstructions with one more moment. restored uint8 [N, 3, S, S]

        Moments at this step or later were discarded by a resume and are removed. If there are too many
        moments, remove every second one, but keep the first and the newest.
        """
        keep = np.flatnonzero(self.steps < step)
        if len(keep) >= max(2, min(MOST, MOST_BYTES // restored.nbytes)):
            keep = keep[::2]
        before = self._of(keep)
        return replace(
            before,
            steps=np.append(before.steps, step),
            epochs=np.append(before.epochs, epoch),
            restored=np.concatenate([before.restored, restored[None]]),
        )

    def _of(self, kept: np.ndarray) -> Reconstructions:
        return replace(self, steps=self.steps[kept], epochs=self.epochs[kept], restored=self.restored[kept])


def write_reconstructions(run: Path, found: Reconstructions) -> None:
    """Write the reconstructions of a run. Raise `OSError` when that fails."""
    packed = io.BytesIO()
    np.savez_compressed(
        packed,
        images=found.images,
        visible=found.visible,
        steps=found.steps,
        epochs=found.epochs,
        restored=found.restored,
    )
    (run / FILE).parent.mkdir(exist_ok=True)
    write_atomic(run / FILE, packed.getvalue())


def read_reconstructions(run: Path) -> Reconstructions | None:
    """Return the reconstructions of a run, or None when the file is missing or invalid.

    The file is validated because a run may come from an untrusted source.
    """
    try:
        stored = read_arrays(run / FILE)
        found = Reconstructions(*(stored[field.name] for field in fields(Reconstructions)))
    except (UserError, KeyError, ValueError):
        return None
    return found if _is_valid(found) else None


def _is_valid(found: Reconstructions) -> bool:
    """Return whether the arrays of a file fit each other."""
    images, visible, steps, epochs, restored = (getattr(found, field.name) for field in fields(found))
    n, e, side = len(images) if images.ndim == 4 else 0, steps.size, images.shape[-1] if images.ndim else 0
    grid = math.isqrt(visible.shape[1]) if visible.ndim == 2 else 0
    return bool(
        images.dtype == restored.dtype == np.uint8
        and 0 < n <= COUNT
        and images.shape == (n, 3, side, side)
        and side > 0
        and visible.dtype == bool
        and visible.shape == (n, grid**2)
        and 0 < grid <= side
        and e > 0
        and steps.shape == epochs.shape == (e,)
        and restored.shape == (e, *images.shape)
        and steps.dtype.kind == "i"
        and steps[0] >= 0
        and (steps[1:] > steps[:-1]).all()
        and epochs.dtype.kind == "f"
        and ((epochs >= 0) & (epochs.astype(float) <= MOST_EPOCHS)).all()
    )
