"""The state of Patches."""

from __future__ import annotations

from typing import Literal

from dashboard.shared.page_state import Count, ImageState


class PatchesState(ImageState):
    """A ViT, an image, and the current step of the stepper.

    `view` is for talks: the stepper, or the similarity of position embeddings.
    """

    run: str | None = None
    patch: Count | None = None
    step: Count = 1
    view: Literal["steps", "similarity"] = "steps"
