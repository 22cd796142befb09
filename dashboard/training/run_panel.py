"""The panel that watches one run, in one fragment: state, progress, live curves, log, stop and resume."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.drawing.markdown import escape
from dashboard.shared import bound, messages, origins, run_curves, run_status, selection, ticking
from dashboard.sweeps import links
from dashboard.training import export, form, predictions, queue_panel
from dashboard.training.state import TrainingState
from vitcore.paths import readonly
from vitcore.queue import launch as background
from vitcore.runs import edit
from vitcore.runs.folder import Run
from vitcore.runs.log import tail
from vitcore.runs.status import ACTIVE, State
from vitcore.sweeps.pair import partner


def panel(found: list[Run], here: queue_panel.QueueState) -> None:
    """Draw the selection of a run and the run itself, which refreshes while it is active."""
    chosen, *places, queue_place = st.columns([2.5, 2.65, 1.3, 1, 1.75], vertical_alignment="bottom")
    with chosen:
        run = selection.choose_run(found, TrainingState, "watch", "Watch")
    with queue_place:
        queue_panel.control(here)
    look = run_curves.controls(*places)
    other = partner(run, found)
    ticking.fragment(
        lambda states: _body(run, other, look), lambda: _states(run, other), every_s=run_curves.TICK_S,
        active=run_status.any_active,
    )  # fmt: skip


def _states(*runs: Run | None) -> list[State]:
    """Return the states of the runs that exist."""
    return [run.status().state for run in runs if run]


def _body(run: Run, other: Run | None, look: run_curves.CurveStyle) -> None:
    status = run.status()
    if st.session_state.pop("edited", False):
        st.rerun()  # the whole page: show the new title in the list
    with st.container(horizontal=True, vertical_alignment="center"):
        run_status.badge(status)
        turn = queue_panel.queue_position(run) if status.state == "queued" else ""
        st.markdown(run_status.describe(run, status, turn), width="stretch")
        if not readonly():
            if not run.bundled:
                _action(run, status.state)
            st.button(
                "Copy settings",
                key="copy",
                on_click=_copy,
                args=(run,),
                help="Into the form above, to change them.",
            )
            if not run.bundled:
                _edit(run, status.state)
        export.control(run, status.state)
    if note := run.meta.note:
        st.text(note)  # as it was written: a run folder may come from somebody else
    links.link_of(run)
    share = status.step / status.steps if status.steps else 0.0
    bar = st.empty()  # always there, so that elements below keep their position and an open log stays open
    if status.state != "finished":
        bar.progress(min(1.0, share))
    together = [run, other] if other else [run]  # of a fair pair both
    run_curves.pair(together, look, key="watch", height=300)
    predictions.strip(run)
    run_curves.more_metrics(together, look, key="watch", page=TrainingState)
    with st.expander("Log and command", expanded=status.state in ("failed", "lost")):
        silent = "No log is kept with it." if status.state == "finished" else "Nothing printed yet."
        st.code(tail(run.log, 30) or silent, language=None, height=180 if run.log.is_file() else "content")
        known = f"{escape(origins.training(status))}. " if status.started else ""
        st.caption(f"{known}The same training at the command line:")
        st.code(
            f"python -m vitcore train --config {run.path / 'config.yaml'}", language="bash", wrap_lines=True
        )


def _action(run: Run, state: str) -> None:
    """Draw the action on a run in this state, as a callback: a click counts even after a state change."""
    if state == "stopping":
        st.button(
            "Stop without saving", key="abort", on_click=_attempt, args=(_abort, run),
            help="Resuming continues from the last checkpoint.",
        )  # fmt: skip
    elif state in ACTIVE:
        name = "Remove from queue" if state == "queued" else "Stop training"
        st.button(name, key="stop", on_click=_attempt, args=(background.stop, run))
    elif state != "finished":
        st.button("Resume training", key="resume", on_click=_attempt, args=(background.resume, run))
    messages.toast_error("action")


def _abort(run: Run) -> None:
    background.stop(run, now=True)


def _edit(run: Run, state: str) -> None:
    """Draw a popover with title, note and deletion."""
    with st.popover("Edit", icon=":material/edit:"):
        st.text_input("Title", run.meta.title, max_chars=edit.TITLE_LENGTH, key=f"title_{run.id}")
        st.text_area("Note", run.meta.note, max_chars=edit.NOTE_LENGTH, key=f"note_{run.id}")
        st.button("Save", key="describe", on_click=_attempt, args=(_describe, run))
        over = state not in ACTIVE
        sure = st.checkbox(
            "I understand that this run will be deleted", key=f"sure_{run.id}", disabled=not over
        )
        st.button(
            "Delete permanently", key="delete", disabled=not (over and sure), on_click=_attempt,
            args=(edit.delete, run), help=None if over else "Stop it first.",
        )  # fmt: skip


def _describe(run: Run) -> None:
    """Save what the fields hold now: the arguments of a button come from the script's previous run."""
    edit.describe(run, st.session_state[f"title_{run.id}"], st.session_state[f"note_{run.id}"])
    bound.forget(TrainingState, "watch")  # read again from the address: the list shows the new title


def _copy(run: Run) -> None:
    form.copy_settings(run)
    st.session_state.edited = True  # the form is outside of this fragment


def _attempt(action: Callable[[Run], object], run: Run) -> None:
    st.session_state.edited = True
    with messages.keep_error("action"):
        action(run)
