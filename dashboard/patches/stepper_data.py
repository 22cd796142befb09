"""What a ViT run makes of an image's patches, as the stepper of the page Patches draws it."""

from __future__ import annotations

from typing import Any

from dashboard.shared import model_outputs
from dashboard.shared.selection import SelectedImage
from vitcore.errors import UserError
from vitcore.runs.folder import Run


def prepare(run: Run | None, chosen: SelectedImage, size: int | None = None) -> dict[str, Any]:
    """The arguments of `dashboard.components.stepper` for patches of `size` pixels, the run's own if None.
    A `note` says why there are no tokens.
    """
    options = run.config.options if run else {"pool": "cls", "position": "learned", "patch_size": 4}
    own, found = options["patch_size"], (None, None)
    size, note = size or own, ""
    if run is None:
        note = "There is no trained ViT yet: these steps are drawn from its weights."
    elif size != own:
        note = f"{run.title} reads patches of {own} x {own} pixels: choose {own} to see its tokens."
    else:
        try:
            found = model_outputs.tokens(run, chosen.image)
        except UserError as error:
            note = str(error)
    return {
        "image": chosen.image,
        "patch": size,
        "tokens": found[0],
        "positions": found[1],
        "note": note,
        "cls": options["pool"] == "cls",
        "position": options["position"],
    }
