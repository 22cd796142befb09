"""The panel that watches one run: state, progress, live curves, log, stop and resume.

The panel is one fragment with one timer.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.drawing.markdown import escape
from dashboard.shared import (
    bound,
    deletion,
    messages,
    metric_charts,
    origins,
    popovers,
    run_curves,
    run_selection,
    run_status,
    ticking,
)
from dashboard.states.training import TrainingState
from dashboard.sweeps import links
from dashboard.training import (
    announcements,
    export,
    form,
    predictions,
    queue_panel,
    reconstructions,
    start_form,
)
from vitcore.paths import readonly
from vitcore.queue import launch as background
from vitcore.runs import edit
from vitcore.runs.folder import Run
from vitcore.runs.log import tail
from vitcore.runs.start import can_start
from vitcore.runs.status import ACTIVE, State
from vitcore.sweeps.pair import partner


def panel(found: list[Run], here: queue_panel.QueueState) -> None:
    """Draw a selector of runs and below it the chosen run, which is refreshed while it is active."""
    chosen, *places, queue_place = st.columns([2.5, 2.65, 1.3, 1, 1.75], vertical_alignment="bottom")
    with chosen:
        run = run_selection.choose_run(found, TrainingState, "watch", "Watch")
    if deleted := messages.take("deleted"):
        messages.announce(f"Deleted {deleted}; now showing {run.title}.")
        messages.show_announcements()
    with queue_place:
        queue_panel.control(here)
    look = run_curves.CurveStyle() if run_curves.only_weights(run) else run_curves.controls(*places)
    other = partner(run, found)
    ticking.fragment(
        lambda states: _body(run, here.label(run), other, look),
        lambda: _states(run, other),
        every_s=run_curves.TICK_S,
        active=run_status.any_active,
    )


def _states(*runs: Run | None) -> list[State]:
    """Return the state of each run. The second one is None unless the first belongs to a fair pair."""
    return [run.status().state for run in runs if run]


def _body(run: Run, label: str, other: Run | None, look: run_curves.CurveStyle) -> None:
    status = run.status()
    if st.session_state.pop("rerun_page", False):
        st.rerun()  # the whole page, so that the list shows the new title
    messages.toast_error("action")  # also if the run is gone, and the page shows another one
    with st.container(horizontal=True, vertical_alignment="center"):
        run_status.badge("imported" if run_curves.only_weights(run) else status.state)
        turn = queue_panel.queue_position(run) if status.state == "queued" else ""
        st.markdown(run_status.describe(run, status, turn), width="stretch")
        if not readonly():
            if not run.bundled:
                _action(run, label, status.state)
            st.button(
                "Copy settings",
                key="copy",
                on_click=_copy,
                args=(run,),
                help="Copies the settings of this run into the form above.",
            )
            if can_start(run):
                st.button(
                    "Fine-tune",
                    key="fine_tune",
                    on_click=_fine_tune,
                    args=(run,),
                    help="Fills the form above for a training that starts from the weights of this run.",
                )
            if not run.bundled:
                _edit(run, status.state)
        export.control(run, status.state)
    if note := run.meta.note:
        st.text(note)  # not as Markdown: another user may have written it
    links.link_of(run)
    share = status.step / status.steps if status.steps else 0.0
    bar = st.empty()  # in every state, so that elements below keep their position and an open log stays open
    if status.state != "finished":
        bar.progress(min(1.0, share))
    shown = [run, other] if other else [run]
    if run_curves.only_weights(run):
        st.caption(escape(run_curves.without_training([run])))
        return
    run_curves.pair(shown, look, key="watch", height=300)
    predictions.strip(run)
    reconstructions.strip(run)
    metric_charts.more_metrics(shown, look, key="watch", page=TrainingState)
    with st.expander("Log and command", expanded=status.state in ("failed", "lost")):
        no_log = "This run has no log." if status.state == "finished" else "Nothing printed yet."
        st.code(tail(run.log, 30) or no_log, language=None, height=180 if run.log.is_file() else "content")
        origin = f"{escape(origins.training(status))}. " if status.started else ""
        st.caption(f"{origin}The same training at the command line:")
        st.code(
            f"python -m vitcore train --config {run.path / 'config.yaml'}", language="bash", wrap_lines=True
        )


def _action(run: Run, label: str, state: State) -> None:
    """Draw the button for what can be done with a run in this state: stop, remove or resume it.

    The action is a callback, so that a click counts even if the state has changed since.
    """
    if state == "stopping":
        st.button(
            "Stop without saving",
            key="abort",
            on_click=_attempt,
            args=(_abort, run),
            help=f"{run.resume_note.capitalize()}.",
        )
    elif state in ACTIVE:
        name = "Remove from queue" if state == "queued" else "Stop training"
        st.button(
            name,
            key="stop",
            on_click=_attempt,
            args=(background.stop, run, announcements.of_stop(label, state)),
        )
        if background.is_abandoned(run):
            st.button(
                "Train on this machine",
                key="take_over",
                on_click=_attempt,
                args=(background.take_over, run),
                help="The machine that it waits on has not been seen for a minute.",
            )
    elif state != "finished":
        st.button(
            "Resume training",
            key="resume",
            on_click=_attempt,
            args=(background.resume, run, f"{run.title} is queued again."),
        )


def _abort(run: Run) -> None:
    background.stop(run, now=True)


def _edit(run: Run, state: str) -> None:
    """Draw the popover that changes title and note, or deletes the run."""
    with popovers.popover("Edit", _edit_of(run), icon=":material/edit:"):
        st.text_input("Title", run.meta.title, max_chars=edit.TITLE_LENGTH, key=f"run_title_{run.id}")
        # two lines of text, so that the buttons below stay in a window of 720 pixels
        st.text_area("Note", run.meta.note, max_chars=edit.NOTE_LENGTH, key=f"run_note_{run.id}", height=80)
        st.button("Save", key="describe", type="primary", on_click=_attempt, args=(_describe, run))
        deletion.confirm(
            "this run",
            f"run_{run.id}",
            "delete",
            _attempt,
            _delete,
            run,
            refusal="Stop the run first." if state in ACTIVE else None,
        )


def _describe(run: Run) -> None:
    """Save the current title and note. A button's arguments would hold those of the previous script run."""
    edit.describe(run, st.session_state[f"run_title_{run.id}"], st.session_state[f"run_note_{run.id}"])
    bound.forget(TrainingState, "watch")  # read again from the address, so that the list shows the new title
    popovers.close(_edit_of(run), "The title and the note are saved.")


def _delete(run: Run) -> None:
    title = run.title  # stored in the folder
    edit.delete(run)
    run_selection.forget([run])
    popovers.close(_edit_of(run))
    messages.keep("deleted", title)  # the panel announces it with the title of the run that it shows next


def _edit_of(run: Run) -> str:
    return f"edit_{run.id}"


def _copy(run: Run) -> None:
    form.copy_settings(run)
    st.session_state.rerun_page = True  # reruns the page: the form is outside of this fragment


def _fine_tune(run: Run) -> None:
    start_form.begin(run)
    st.session_state.rerun_page = True


def _attempt(action: Callable[[Run], object], run: Run, announcement: str = "") -> None:
    st.session_state.rerun_page = True
    with messages.keep_error("action"):
        action(run)
        if announcement:
            messages.announce(announcement)
