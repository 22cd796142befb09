"""The rehearsal on the Training page: a child process of twenty steps, then one line of what it said."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.launcher import Form
from vitcore.config import dump_config
from vitcore.errors import UserError
from vitcore.runs.folder import readonly

LIMIT_S = 180.0


@dataclass
class Child:
    """A rehearsal that is going on or over, for the settings `mark`."""

    mark: str
    place: Path
    process: subprocess.Popen
    began: float

    def words(self) -> tuple[bool, str]:
        """(whether it went well, one sentence)"""
        if self.process.returncode == 0:
            found = json.loads((self.place / "out").read_text().strip().splitlines()[-1])
            return True, found["words"]
        lines = (self.place / "err").read_text().strip().splitlines()
        return False, lines[-1] if lines else "The rehearsal ended without a word: try again."

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def _start(form: Form) -> None:
    _cancel()
    try:
        text = dump_config(form.config())
    except UserError as error:
        st.session_state.rehearsal_error = (form.mark, str(error))
        return
    place = Path(tempfile.mkdtemp(prefix="vitlab-rehearsal-"))
    (place / "config.yaml").write_text(text)
    command = [sys.executable, "-m", "vitcore", "rehearse", "--config", str(place / "config.yaml")]
    with (place / "out").open("wb") as out, (place / "err").open("wb") as err:
        child = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
    st.session_state.rehearsal = Child(form.mark, place, child, time.monotonic())


def _cancel() -> None:
    child: Child | None = st.session_state.pop("rehearsal", None)
    if child and child.process.poll() is None:
        child.end()


def button(form: Form) -> None:
    """Starts a rehearsal of the settings shown."""
    child: Child | None = st.session_state.get("rehearsal")
    going = bool(child and child.mark == form.mark and child.process.poll() is None)
    st.button(
        "Rehearse", width="stretch", on_click=_start, args=(form,), disabled=readonly() or going,
        icon=":material/timer:", help="Trains some twenty steps and says what the whole would take.",
    )  # fmt: skip


def result(form: Form) -> None:
    """What is known for the settings shown: nothing, that it is going on, or what it found."""
    refused, problem = st.session_state.get("rehearsal_error", ("", ""))
    if problem and refused == form.mark:
        st.error(problem)
    child: Child | None = st.session_state.get("rehearsal")
    if child is None:
        return
    if child.mark != form.mark:  # other settings: of no use any more
        _cancel()
        return
    going = child.process.poll() is None
    st.fragment(_show, run_every=0.5 if going else None)(child, going)


def _show(child: Child, was_going: bool) -> None:
    going = child.process.poll() is None
    spent = time.monotonic() - child.began
    if going and spent > LIMIT_S:
        child.end()
        going = False
    if was_going and not going:
        st.rerun()  # the whole page: the button can be pressed again
    if going:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Rehearsing some twenty steps: {spent:.0f} s so far.", width="stretch")
            st.button("Cancel", key="cancel_rehearsal", on_click=_cancel)
        return
    well, words = child.words()
    (st.success if well else st.error)(words, icon=":material/timer:" if well else None)
