"""The scene of Patches: the steps from image to tokens, or the similarity of position embeddings."""

from __future__ import annotations

from dashboard.patches import learned, stepper_data, weights
from dashboard.shared import page_runs, resources
from dashboard.shared.scenes import Query, Similarity, Stepper, image_in, read_state, run_in
from dashboard.states.patches import PatchesState
from vitcore.errors import UserError


def scene(query: Query) -> Stepper | Similarity:
    """Return the stepper, or with `view=similarity` the position embeddings. Raises `UserError`."""
    state = read_state(PatchesState, query, "view")
    run = run_in(state.run, page_runs.offered("patches"))
    if state.view == "similarity":
        values = weights.learned(run).similarity
        if not values.any() or len(values) > learned.MAX_POSITIONS:
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
