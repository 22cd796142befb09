"""The scene of Patches: from image to tokens, or the similarity of position embeddings."""

from __future__ import annotations

from dashboard.patches import stepper_data
from dashboard.shared import model_outputs, resources, selection
from dashboard.talk.scene_types import Similarity, State, Stepper, check_choices, image_in, run_in
from vitcore.errors import UserError

MAX_POSITIONS = 1024


def scene(state: State) -> Stepper | Similarity:
    """The stepper, or with `view=similarity` the positions. Raises `UserError`."""
    check_choices(state, view=("similarity",))
    run = run_in(state, "run", resources.runs(trained=True, model="vit"))
    if state.get("view") == "similarity":
        learned = model_outputs.learned(run).similarity
        if not learned.any() or len(learned) > MAX_POSITIONS:
            raise UserError(f"{run.title} has no position embeddings that can be drawn: name another run.")
        return Similarity(learned)
    data = resources.dataset_of(run)
    size = selection.whole(state.get("patch", ""), 0) or None
    if size and data.size % size:
        raise UserError(
            f"The link names patches of {size} pixels: name a size that divides the {data.size} pixels of an "
            "image."
        )
    arguments = stepper_data.prepare(run, image_in(state, data), size)
    return Stepper(arguments | {"step": selection.whole(state.get("step", ""), 1)})
