"""The scene of Training: the curves of a run, and of its partner in a fair pair."""

from __future__ import annotations

from dashboard.shared import resources
from dashboard.talk import curves
from dashboard.talk.scene_types import Figures, State, run_in
from vitcore.sweeps.pair import partner


def scene(state: State) -> Figures:
    """Accuracy and cross-entropy of the run that the link names. Raises `UserError`."""
    found = resources.runs()
    run = run_in(state, "watch", found)
    other = partner(run, found)
    runs = [run, other] if other else [run]
    return Figures([(curves.figure(runs, curves.look_in(state)), f"the training of {run.title}")])
