"""The title of the Compare page and its view of sweeps: which one, and what can be done with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import streamlit as st

from dashboard.compare import sections
from dashboard.compare.state import CompareState
from dashboard.shared import header, messages, run_table
from dashboard.sweeps import results
from vitcore.paths import readonly
from vitcore.runs.folder import Run
from vitcore.runs.metrics import event_files
from vitcore.runs.status import ACTIVE
from vitcore.sweeps.sweep import Sweep, delete_sweep, find_sweeps, resume_sweep, stop_sweep

RUNS, SWEEPS = CompareState.options("view")


def view(every: list[Run]) -> bool:
    """The page's title and, where there is a sweep, the switch between runs and sweeps beside it; draws the
    chosen sweep if that is asked for, and says so.
    """
    found = {sweep.name: sweep for sweep in find_sweeps(every)}
    if (wanted := st.session_state.get("open_sweep")) in found:
        st.session_state.view, st.session_state.sweep = SWEEPS, wanted
    chosen = st.session_state.get("show") or st.query_params.get("show") or sections.SECTIONS[0]
    if SWEEPS in (st.session_state.get("view"), st.query_params.get("view")):
        chosen = "Sweeps over settings"
    top = header.title("compare", about=chosen)
    if not found:
        return False
    shown = top.row.segmented_control(
        "Show", [RUNS, SWEEPS], default=None if "view" in st.session_state else RUNS, key="view",
        bind="query-params", required=True, label_visibility="collapsed",
    )  # fmt: skip
    if shown != SWEEPS:
        return False
    if st.session_state.get("sweep") not in found:
        wanted = st.query_params.get("sweep")
        st.session_state.sweep = wanted if wanted in found else next(iter(found))
    fixed = readonly() or found[st.session_state.sweep].bundled
    chooser, *places = st.columns([5, 1.2, *([] if fixed else [1.2])], vertical_alignment="bottom")
    name = chooser.selectbox(
        "Sweep", list(found), format_func=lambda n: _label(found[n]), key="sweep", persist_state="session"
    )
    if st.query_params.get("sweep") != name:
        st.query_params["sweep"] = name
    _actions(found[name], *places)
    results.show(found[name])
    st.session_state.pop("open_sweep", None)  # it is on the page
    return True


def _label(sweep: Sweep) -> str:
    created = sweep.runs[0].stored_status().created
    return (
        sweep.title if sweep.bundled else f"{sweep.title} ({datetime.fromtimestamp(created):%Y-%m-%d %H:%M})"
    )


def _actions(sweep: Sweep, first: Any, second: Any = None) -> None:
    """Take the curves to the other view; stop what is not over, delete what is."""
    curves = [run.id for run in sweep.runs if event_files(run.path)][: run_table.MAX_COMPARED]
    first.button(
        "Show curves", key="sweep_curves", width="stretch", disabled=not curves,
        on_click=_curves, args=(curves,),
        help=f"The first {len(curves)} runs of it, over steps, epochs or minutes.",
    )  # fmt: skip
    if not second:
        return
    with second.popover("Manage", width="stretch"):
        states = [run.status().state for run in sweep.runs]
        going = sum(state in ACTIVE for state in states)
        left = len(states) - going - states.count("finished")
        if going:
            st.button(
                f"Stop {_count(going)}", key="stop_sweep", on_click=_attempt, args=(stop_sweep, sweep),
                width="stretch",
                help="What waits is taken off the queue; what trains saves and ends, and can be resumed.",
            )  # fmt: skip
        if left:
            st.button(
                f"Resume {_count(left)}", key="resume_sweep", on_click=_attempt, args=(resume_sweep, sweep),
                width="stretch", help="Those that were stopped, failed or lost.",
            )  # fmt: skip
        sure = st.checkbox(
            f"I understand that its {_count(len(states))} will be deleted",
            key=f"sure_{sweep.name}",
            disabled=going > 0,
        )
        st.button(
            "Delete permanently", key="delete_sweep", disabled=bool(going) or not sure, on_click=_attempt,
            args=(delete_sweep, sweep), width="stretch", help="Stop them first." if going else None,
        )  # fmt: skip
    messages.toast_error("sweep")


def _count(runs: int) -> str:
    return f"{runs} run{'s' * (runs != 1)}"


def _curves(ids: list[str]) -> None:
    st.session_state.view = RUNS
    st.session_state.runs = ids


def _attempt(action: Any, sweep: Sweep) -> None:
    with messages.keep_error("sweep"):
        action(sweep)
