"""The scene of Training: the curves of a run and of its partner in a fair pair, or reconstructions."""

from __future__ import annotations

from dashboard.shared import curve_figures as curves
from dashboard.shared import page_runs, run_curves
from dashboard.shared.run_curves import CurveStyle
from dashboard.shared.scene_links import Query, read_state, run_in
from dashboard.shared.scenes import Figures, Pictures
from dashboard.states.training import TrainingState
from dashboard.training import reconstructions
from vitcore.sweeps.pair import partner


def scene(query: Query) -> Figures | Pictures:
    """Return the accuracy and cross-entropy of the run that the link names, or what it reconstructs.

    Raise `UserError`.
    """
    found = page_runs.offered("training")
    state = read_state(TrainingState, query)
    run = run_in(state.watch, found)
    if parts := reconstructions.talk_pictures(run):
        return Pictures(parts)
    other = partner(run, found)
    runs = [run, other] if other else [run]
    look, _ = run_curves.fitting(runs, CurveStyle.of(state))
    return Figures([(curves.figure(runs, look), f"the training of {run.title}")])
