"""The scene of Compare: curves, one section about several runs, or a sweep."""

from __future__ import annotations

from dashboard.compare import disagreement, measured, sections, sweep_view, time_to_accuracy
from dashboard.drawing import pictures
from dashboard.shared import curve_figures as curves
from dashboard.shared import page_runs, resources, run_curves
from dashboard.shared.default_runs import MAX_COMPARED, default_runs
from dashboard.shared.run_curves import CurveStyle
from dashboard.shared.scene_links import Query, missing_sweep, read_state, run_in
from dashboard.shared.scenes import Figures, Pictures
from dashboard.states.compare import CompareState
from dashboard.sweeps import results
from vitcore.errors import UserError
from vitcore.runs.folder import Run
from vitcore.sweeps.sweep import find_sweeps

MAX_PICTURES = 4  # side by side


def scene(query: Query) -> Figures | Pictures:
    """Return the curves, the section or the sweep that the link names. Raise `UserError`."""
    state = read_state(CompareState, query, "view", "section", "who")
    if state.view == sweep_view.SWEEPS:
        return _sweep(state, resources.runs())
    found = page_runs.offered("compare")
    names = state.runs or tuple(run.id for run in default_runs())
    runs = [run_in(name, found) for name in names[:MAX_COMPARED]]
    section = state.section
    look, _ = run_curves.fitting(runs, CurveStyle.of(state))
    if section == sections.SPEED:
        return Figures([time_to_accuracy.figure(runs, state.goal or "", look.axis)])
    if section in sections.FIGURES or section == sections.DISAGREEMENT:
        return _measured(state, runs)
    titles = ", ".join(run.title for run in runs)
    return Figures([(curves.figure(runs, look), f"the training of {titles}")])


def _measured(state: CompareState, runs: list[Run]) -> Figures | Pictures:
    """Return a section that needs stored predictions on test images."""
    section = state.section
    fits, reason = measured.alike(measured.look_up(runs, state.tested))
    known = [item for item in fits if item.test][: 2 if section == sections.CONFUSION else None]
    if not fits:
        raise UserError(reason)
    if not known:
        raise UserError(f"Not measured yet: open Compare, {section}, and measure it there. {reason}".rstrip())
    if section == sections.DISAGREEMENT:
        return _disagreement(known, state)
    names = " and ".join(item.name for item in known)
    figure = sections.FIGURES[section]([item.shown for item in known])
    return Figures([(figure.plot, f"{section}: {names}")])


def _disagreement(known: list[measured.Item], state: CompareState) -> Pictures:
    parts = []
    for image, card in disagreement.first(known, state, MAX_PICTURES):
        texts = (f"{name}: {predicted} {share}" for predicted, share, _, _, name in card.predictions)
        parts.append((card.truth, pictures.data_url(image), ", ".join(texts)))
    return Pictures(parts)


def _sweep(state: CompareState, found: list[Run]) -> Figures:
    sweeps = {sweep.name: sweep for sweep in find_sweeps(found)}
    name = state.sweep or next(iter(sweeps), "")
    if name not in sweeps:
        raise missing_sweep(name)
    figure, alt = results.read(sweeps[name])
    return Figures([(figure.plot, alt)])
