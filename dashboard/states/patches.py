"""The state of the Patches page in its address."""

from __future__ import annotations

from typing import Literal

from dashboard.shared.page_state import Count, ImageState

# as the stepper names its steps in the browser (stepper/words.js)
STEPS = ("Image", "Patches", "Sequence", "Projection", "Positions")


class PatchesState(ImageState):
    """A ViT, an image, a patch size in pixels, and the step of the stepper.

    `view` is for talks: the stepper, or the similarity of position embeddings.
    """

    run: str | None = None
    patch: Count | None = None
    step: Count = 1
    view: Literal["steps", "similarity"] = "steps"
