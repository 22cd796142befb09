"""The scene of Patches: the steps from image to tokens, or the similarity of position embeddings."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.components import similarity, stepper
from dashboard.components.pieces import Piece, component_piece
from dashboard.patches import stepper_data, weights
from dashboard.shared import page_runs, resources
from dashboard.shared.scene_links import Query, image_in, read_state, run_in
from dashboard.shared.scenes import Scene, plain_picture
from dashboard.states.patches import PatchesState
from vitcore.errors import UserError


@dataclass(frozen=True)
class Stepper(Scene):
    """The steps from image to tokens, as the arguments of `dashboard.components.stepper`."""

    arguments: dict[str, Any]

    def draw(self, state: MutableMapping[str, str], *, key: str, scale: float = 1.0) -> None:
        """Draw the stepper."""
        stepper.stepper(**self.arguments, key=key)

    def pieces(self, state: Mapping[str, str], *, talk: bool = True) -> list[Piece]:
        """Return the stepper."""
        return [component_piece(stepper.PART, stepper.message(**self.arguments))]

    def picture(self, state: Mapping[str, str]) -> tuple[str, str] | None:
        """Return the image."""
        return plain_picture(self.arguments["image"])


@dataclass(frozen=True)
class Similarity(Scene):
    """The cosine similarity of position embeddings, [N, N]."""

    values: np.ndarray

    def draw(self, state: MutableMapping[str, str], *, key: str, scale: float = 1.0) -> None:
        """Draw the maps."""
        similarity.similarity(self.values, key=key)

    def pieces(self, state: Mapping[str, str], *, talk: bool = True) -> list[Piece]:
        """Return the maps."""
        return [component_piece(similarity.PART, similarity.message(self.values))]


def scene(query: Query) -> Stepper | Similarity:
    """Return the stepper, or with `view=similarity` the position embeddings. Raise `UserError`."""
    state = read_state(PatchesState, query, "view")
    run = run_in(state.run, page_runs.offered("patches"))
    if state.view == "similarity":
        values = weights.learned(run).similarity
        if not values.any() or len(values) == 1:
            raise UserError(f"{run.title} has no position embeddings that can be drawn: name another run.")
        return Similarity(values)
    data = resources.dataset_of(run)
    size = state.patch
    if size and data.size % size:
        raise UserError(
            f"The link names patches of {size} pixels: name a size that divides the {data.size} pixels of an "
            "image."
        )
    arguments = stepper_data.prepare(run, image_in(state, data), size)
    return Stepper(arguments | {"step": state.step})
