"""The rehearsal on the Training page: about twenty training steps in a child process, and their outcome."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard.drawing.markdown import sentence
from dashboard.shared import messages, ticking
from dashboard.training.form import Form
from vitcore.child import Child, TextFile
from vitcore.config import dump_config
from vitcore.errors import UserError
from vitcore.paths import check_allowed, readonly
from vitcore.sweeps.estimate import Speed, step_images

LIMIT_S = 180.0
TICK_S = 0.5


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal of the settings that `mark` identifies. It ends with the visitor's session."""

    mark: str
    child: Child

    def outcome(self) -> tuple[bool, str]:
        """Return whether the rehearsal succeeded, and a sentence with its result or its error."""
        try:
            return True, self.child.result()["words"]
        except UserError as error:
            return False, str(error)


def speed(form: Form, count: int | None) -> Speed | None:
    """Return the speed that a rehearsal of the current settings has measured, or None without one.

    `count` is the number of training images of the dataset.
    """
    rehearsal: Rehearsal | None = st.session_state.get("rehearsal")
    if rehearsal is None or rehearsal.mark != form.mark or rehearsal.child.running or not count:
        return None
    try:
        found = rehearsal.child.result()
        images = found["steps"] * step_images(form.config(), count)
    except UserError:
        return None
    return Speed(images / (60 * found["minutes"]), "a rehearsal of the form above")


def rehearse(mark: str, config: str) -> Rehearsal:
    """Start a rehearsal of a configuration (YAML).

    Raise `UserError` in read-only mode and if the process can't start.
    """
    check_allowed()
    child = Child(
        "vitcore",
        "rehearse",
        "--json",
        "--config",
        TextFile("config.yaml", config),
        name="The rehearsal",
        limit_s=LIMIT_S,
        advice="choose a smaller model or batch size, or wait until other work on this machine is over",
    )
    return Rehearsal(mark, child)


def _start(form: Form) -> None:
    _cancel()
    with messages.keep_error("rehearsal", form.mark):
        st.session_state.rehearsal = rehearse(form.mark, dump_config(form.config()))


def _cancel() -> None:
    rehearsal: Rehearsal | None = st.session_state.pop("rehearsal", None)
    if rehearsal:
        rehearsal.child.cancel()


def button(form: Form) -> None:
    """Draw the button that rehearses the current settings."""
    rehearsal: Rehearsal | None = st.session_state.get("rehearsal")
    running = bool(rehearsal and rehearsal.mark == form.mark and rehearsal.child.running)
    st.button(
        "Rehearse",
        width="stretch",
        on_click=_start,
        args=(form,),
        disabled=readonly() or running,
        icon=":material/timer:",
        help="Trains about twenty steps and predicts time, memory and disk space.",
    )


def result(form: Form) -> None:
    """Show the progress or the outcome of the rehearsal of the current settings.

    The page shows an error of its start, which the launch may share (`messages.show_errors`).
    """
    rehearsal: Rehearsal | None = st.session_state.get("rehearsal")
    if rehearsal is None:
        return
    if rehearsal.mark != form.mark:  # the settings have changed
        _cancel()
        return
    ticking.fragment(
        lambda running: _show(rehearsal, running), lambda: rehearsal.child.running, every_s=TICK_S
    )


def _progress(child: Child) -> str:
    """Return how far a rehearsal is, such as `Rehearsing: step 6 of 23, 12 s so far`."""
    seconds = f"{child.seconds:.0f} s so far"
    if progress := child.progress:
        return f"Rehearsing: step {progress[0]} of {progress[1]}, {seconds}"
    return f"Rehearsing: loading torch and the data, {seconds}"


def _show(rehearsal: Rehearsal, running: bool) -> None:
    if running:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{_progress(rehearsal.child)}.", width="stretch")
            st.button("Cancel", key="cancel_rehearsal", on_click=_cancel)
        return
    success, text = rehearsal.outcome()
    (st.success if success else st.error)(sentence(text), icon=":material/timer:" if success else None)
