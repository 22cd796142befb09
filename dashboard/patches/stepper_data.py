"""The data of the stepper on the Patches page: an image, its patches, and their tokens in a ViT."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.patches import weights
from dashboard.shared import bound
from dashboard.shared.selection import SelectedImage
from dashboard.states.attention import BLOCK, AttentionState
from dashboard.states.patches import PatchesState
from vitcore.architectures import ARCHITECTURES
from vitcore.architectures.vit import ViTOptions
from vitcore.errors import UserError
from vitcore.runs.folder import Run

SIZES = (2, 4, 8, 16)  # pixels, offered in addition to that of the model
MOST_PATCHES = 4096  # of an image, since more columns than that cannot be told apart
WITHOUT_RUN = {"pool": "cls", "position": "learned", "patch_size": 4}  # options of a ViT


def patch_size(run: Run | None) -> int:
    """Return the patch size in pixels that the page opens with: that of the run."""
    return _options(run)["patch_size"]


def sizes(pixels: int, own: int) -> list[int]:
    """Return the patch sizes to choose from for images with a side of `pixels`: `own`, and the usual ones."""
    fitting = {size for size in SIZES if pixels % size == 0 and (pixels // size) ** 2 <= MOST_PATCHES}
    return sorted({*fitting, own})


def unsuited(run: Run) -> str:
    """Return why the page cannot show a run of another architecture, to follow its name, or nothing."""
    architecture = ARCHITECTURES[run.config.model]
    if architecture.name == "vit":
        return ""
    if architecture.attention:
        return f"has no patches: the tokens of a {architecture.label} come from convolutions"
    return f"is a {architecture.label}, and this page shows the patches of a ViT"


def _options(run: Run | None) -> dict[str, Any]:
    return run.config.options if run else WITHOUT_RUN


def _drawn(run: Run, rows: np.ndarray) -> np.ndarray:
    """Return the rows [T, D] of CLS and of the patches, without those of other tokens."""
    options = ViTOptions(**run.config.options)
    return np.concatenate([rows[: options.pool != "mean"], rows[options.prefix_tokens :]])


def first_block(run: Run, *, own_image: bool) -> AttentionState:
    """Return the state of Attention that continues the steps: the same image in the first block of the run.

    A link does not contain a visitor's own image, which all pages show anyway.
    """
    fields = {} if own_image else {name: bound.current(PatchesState, name) for name in ("kind", "image")}
    return AttentionState.of(run=run.id, view=BLOCK, layer=1, **fields)


def prepare(run: Run | None, chosen: SelectedImage, size: int | None = None) -> dict[str, Any]:
    """Return the arguments of `dashboard.components.stepper`.

    `size` is the patch size in pixels, by default that of the run. There are tokens only for the patch size
    of the run; otherwise `note` says why they are missing.
    """
    options, own = _options(run), patch_size(run)
    tokens, positions = None, None
    size, note = size or own, ""
    if run is None:
        note = "There is no trained ViT yet, so the steps that need its weights are missing: train one."
    elif size != own:
        note = f"{run.title} uses patches of {own} x {own} pixels: choose {own} to see its tokens."
    else:
        try:
            tokens, positions = (_drawn(run, rows) for rows in weights.tokens(run, chosen.image))
        except UserError as error:
            note = str(error)
    return {
        "image": chosen.image,
        "patch": size,
        "tokens": tokens,
        "positions": positions,
        "note": note,
        "cls": options["pool"] != "mean",
        "others": options.get("registers", 0) + options.get("distilled", False),
        "position": options["position"],
    }
