"""The Compare page: runs side by side."""

import streamlit as st

from dashboard.compare import published_models, sections, sweep_view
from dashboard.drawing.markdown import escape
from dashboard.shared import (
    default_runs,
    header,
    metric_charts,
    page_runs,
    resources,
    run_curves,
    run_selection,
    run_status,
    ticking,
)
from dashboard.states.compare import CompareState
from dashboard.sweeps import links

if sweep_view.view(resources.runs()):
    st.stop()
found = links.without_sweeps(page_runs.offered("compare"), CompareState, "runs")
if not found:
    header.stop_without_runs("There is no run with curves or weights yet.")

run_control, rest, more = st.columns([4.4, 1, 1.3], vertical_alignment="bottom")
with run_control:
    chosen = run_selection.choose_runs(
        found,
        CompareState,
        "runs",
        "Runs",
        first=default_runs.default_runs,
        most=default_runs.MAX_COMPARED,
    )
bundled = [run.id for run in found if run.bundled and run.weights and run.config.has_classifier]
rest.button(
    "All bundled",
    key="all_bundled",
    width="stretch",
    on_click=sections.add_runs,
    args=(bundled,),
    disabled=set(bundled) <= {run.id for run in chosen},
    help="Adds the other bundled models.",
)
with more:
    published_models.control()
if not chosen:
    st.info("Choose at least one run above.")
    st.stop()

has_curves = not all(map(run_curves.only_weights, chosen))
chosen_look = run_curves.CurveStyle()
if has_curves:
    chosen_look = run_curves.controls(*st.columns([2.4, 1.5, 0.9], vertical_alignment="bottom"))
look, notes = run_curves.fitting(chosen, chosen_look)
if notes:
    st.info(" ".join(escape(note) for note in notes))


def overlay(_: bool) -> None:
    """Draw the curves, and refresh them while a run is active."""
    look = run_curves.fitting(chosen, chosen_look)[0]
    run_curves.pair(chosen, look, key="compare", height=330)
    st.caption(
        "Faint lines: training, with the augmentation, label smoothing and patch dropping of the recipe, so "
        "it can be worse than validation. Full color: validation on complete, unchanged images. A diamond "
        "marks the best. Faint dotted lines: steps that a resume discarded."
    )
    metric_charts.more_metrics(chosen, look, key="compare", page=CompareState)


if has_curves:
    ticking.fragment(
        overlay,
        lambda: run_status.any_active(run.status().state for run in chosen),
        every_s=run_curves.TICK_S,
    )
sections.show(chosen, look)
