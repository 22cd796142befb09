"""What the steppers compute with when the link has a painted image, positions only, or a snapshot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.attention import views
from dashboard.attention.explorer import ExplorerRequest
from vitcore.runs.folder import Run, step_of

PAINTED = "painted with the mean color"
BLANK = "the mean color everywhere"


@dataclass(frozen=True)
class ModelInput:
    """The pixels that a model reads, uint8 [3, S, S], and one line on what differs from the plain view.

    `mode` is empty if the model reads the image as it is.
    """

    image: np.ndarray
    mode: str


def block_input(run: Run, image: np.ndarray, request: ExplorerRequest) -> ModelInput:
    """Return what the stepper through a block shows for an image uint8 [3, S, S].

    With positions only, this is the mean color, which the model reads as zeros.
    """
    shown, words = _changed(run, image, request.positions, request.mask)
    if request.positions:
        words = [f"Positions only: {BLANK}"]
    if request.snapshot is not None:
        words.append(f"Snapshot of step {step_of(request.snapshot):,}")
    return ModelInput(shown, ". ".join(words) + "." if words else "")


def convolution_input(run: Run, image: np.ndarray, *, positions: bool, mask: np.ndarray | None) -> ModelInput:
    """Return the image that a convolution reads next to a ViT: the same change of pixels.

    The mean color is that of the convolution's own model.
    """
    shown, words = _changed(run, image, positions, mask)
    return ModelInput(shown, words[0] + "." if words else "")


def _changed(
    run: Run, image: np.ndarray, positions: bool, mask: np.ndarray | None
) -> tuple[np.ndarray, list[str]]:
    """Return the pixels after the change that the link asks for, and a phrase for it."""
    if positions:
        everywhere = np.ones(image.shape[1:], bool)
        return views.masked_image(run, image, everywhere), [f"Input: {BLANK}"]
    if mask is not None:
        return views.masked_image(run, image, mask), [f"Input: the image, {PAINTED}"]
    return image, []
