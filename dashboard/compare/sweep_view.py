"""The title of Compare, and the view of a sweep with its actions and results."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import streamlit as st

from dashboard.shared import bound, deletion, header, messages, popovers, run_selection
from dashboard.shared.default_runs import MAX_COMPARED
from dashboard.states.compare import CompareState
from dashboard.sweeps import results
from vitcore import numbers
from vitcore.paths import readonly
from vitcore.runs.folder import Run
from vitcore.runs.metrics import event_files
from vitcore.runs.status import ACTIVE
from vitcore.sweeps.sweep import Sweep, delete_sweep, find_sweeps, resume_sweep, stop_sweep

RUNS, SWEEPS = CompareState.options("view")


def view(every: list[Run]) -> bool:
    """Draw the page's title, a switch between runs and sweeps, and the selected sweep if that is switched on.

    Return whether a sweep was drawn. Without sweeps there is no switch.
    """
    sweeps = {sweep.name: sweep for sweep in find_sweeps(every)}
    if (wanted := st.session_state.get("open_sweep")) in sweeps:
        bound.put(CompareState, view=SWEEPS, sweep=wanted)
    section = bound.current(CompareState, "section")
    about = "Sweeps over settings" if bound.current(CompareState, "view") == SWEEPS else section
    top = header.title("compare", about=about)
    if not sweeps:
        return False
    selected = top.row.segmented_control(
        "Show",
        [RUNS, SWEEPS],
        default=None if bound.held(CompareState, "view") else RUNS,
        required=True,
        label_visibility="collapsed",
        **CompareState.bound("view", value=None),
    )
    if selected != SWEEPS:
        return False
    titles = {name: _label(sweep) for name, sweep in sweeps.items()}
    fixed = readonly() or sweeps[bound.settle(CompareState, "sweep", titles)].bundled
    chooser, *buttons = st.columns([5, 1.2, *([] if fixed else [1.2])], vertical_alignment="bottom")
    name = bound.choose(chooser.selectbox, CompareState, "sweep", "Sweep", titles)
    _actions(sweeps[name], *buttons)
    results.show(sweeps[name])
    st.session_state.pop("open_sweep", None)  # it is open now
    return True


def _label(sweep: Sweep) -> str:
    created = sweep.runs[0].stored_status().created
    return (
        sweep.title if sweep.bundled else f"{sweep.title} ({datetime.fromtimestamp(created):%Y-%m-%d %H:%M})"
    )


def _actions(sweep: Sweep, first: Any, second: Any = None) -> None:
    """Draw the buttons that show the curves, stop or resume runs, and delete the sweep."""
    curves = [run.id for run in sweep.runs if event_files(run.path)][:MAX_COMPARED]
    first.button(
        "Show curves",
        key="sweep_curves",
        width="stretch",
        disabled=not curves,
        on_click=_curves,
        args=(curves,),
        help=f"Shows its first {len(curves)} runs over steps, epochs or minutes.",
    )
    if not second:
        return
    with popovers.popover("Manage", "manage_sweep", place=second, width="stretch"):
        states = [run.status().state for run in sweep.runs]
        active = sum(state in ACTIVE for state in states)
        resumable = len(states) - active - states.count("finished")
        if active:
            st.button(
                f"Stop {numbers.count(active, 'run')}",
                key="stop_sweep",
                on_click=_attempt,
                args=(stop_sweep, sweep, "stopped"),
                width="stretch",
                help="Removes waiting runs from the queue. Running ones save and stop, and can be resumed.",
            )
        if resumable:
            st.button(
                f"Resume {numbers.count(resumable, 'run')}",
                key="resume_sweep",
                on_click=_attempt,
                args=(resume_sweep, sweep, "queued again"),
                width="stretch",
                help="Resumes the runs that are stopped, failed or lost.",
            )
        deletion.confirm(
            f"{numbers.count(len(states), 'run')} of this sweep",
            sweep.name,
            "delete_sweep",
            _attempt,
            _delete,
            sweep,
            "deleted",
            refusal="Stop the runs first." if active else None,
        )
    messages.toast_error("sweep")


def _curves(ids: list[str]) -> None:
    bound.put(CompareState, view=RUNS, runs=ids)


def _delete(sweep: Sweep) -> None:
    delete_sweep(sweep)
    run_selection.forget(sweep.runs)


def _attempt(action: Any, sweep: Sweep, done: str) -> None:
    """Stop, resume or delete a sweep, and announce that its runs are `done` (callback)."""
    with messages.keep_error("sweep"):
        count = action(sweep)
        count = len(sweep.runs) if count is None else count
        popovers.close("manage_sweep", f"{numbers.count(count, 'run')} {done}.")
