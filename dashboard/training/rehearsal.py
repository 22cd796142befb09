"""The rehearsal on the Training page: a child process of twenty steps, then one line of what it said."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path

import streamlit as st

from dashboard.drawing.markdown import sentence
from dashboard.training.form import Form
from vitcore.config import dump_config
from vitcore.errors import UserError
from vitcore.paths import readonly

LIMIT_S = 180.0
TOO_LONG = (
    f"The rehearsal took more than {LIMIT_S / 60:.0f} minutes: choose a smaller model or batch size, or wait "
    "until other work on this machine is over."
)


class Child:
    """A rehearsal that is going on or over, for the settings `mark`; it belongs to one visitor's session.

    It ends with this object, so with the session too, and after `LIMIT_S` even when nobody looks. Its files
    go with it.
    """

    def __init__(self, mark: str, config: str) -> None:
        self.mark, self.began = mark, time.monotonic()
        self.place = Path(tempfile.mkdtemp(prefix="vitlab-rehearsal-"))
        (self.place / "config.yaml").write_text(config)
        command = [sys.executable, "-m", "vitcore", "rehearse", "--json", "--config"]
        command.append(str(self.place / "config.yaml"))
        with (self.place / "out").open("wb") as out, (self.place / "err").open("wb") as err:
            self.process = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        self.end = weakref.finalize(self, _end, self.process, self.place)
        timer = threading.Timer(LIMIT_S, self.process.kill)  # knows the process alone, not the session
        timer.daemon = True
        timer.start()

    @property
    def going(self) -> bool:
        return self.process.poll() is None

    def words(self) -> tuple[bool, str]:
        """(whether it went well, one sentence)"""
        if self.process.returncode == 0:
            found = json.loads((self.place / "out").read_text().strip().splitlines()[-1])
            return True, found["words"]
        if self.process.returncode < 0:
            late = time.monotonic() - self.began >= LIMIT_S
            killed = f"The rehearsal was killed (signal {-self.process.returncode}): is there enough memory?"
            return False, TOO_LONG if late else killed
        lines = (self.place / "err").read_text(errors="replace").strip().splitlines()
        return False, lines[-1] if lines else "The rehearsal ended without a word: try again."


def _end(process: subprocess.Popen, place: Path) -> None:
    process.kill()
    process.wait()
    shutil.rmtree(place, ignore_errors=True)


def _start(form: Form) -> None:
    _cancel()
    try:
        text = dump_config(form.config())
    except UserError as error:
        st.session_state.rehearsal_error = (form.mark, str(error))
        return
    try:
        st.session_state.rehearsal = Child(form.mark, text)
    except OSError as error:
        st.session_state.rehearsal_error = (form.mark, f"The rehearsal cannot start: {error.strerror}.")


def _cancel() -> None:
    child: Child | None = st.session_state.pop("rehearsal", None)
    if child:
        child.end()


def button(form: Form) -> None:
    """Starts a rehearsal of the settings shown."""
    child: Child | None = st.session_state.get("rehearsal")
    going = bool(child and child.mark == form.mark and child.going)
    st.button(
        "Rehearse", width="stretch", on_click=_start, args=(form,), disabled=readonly() or going,
        icon=":material/timer:", help="Trains some twenty steps and says what the whole would take.",
    )  # fmt: skip


def result(form: Form) -> None:
    """What is known for the settings shown: nothing, that it is going on, or what it found."""
    refused, problem = st.session_state.get("rehearsal_error", ("", ""))
    if problem and refused == form.mark:
        st.error(sentence(problem))
    child: Child | None = st.session_state.get("rehearsal")
    if child is None:
        return
    if child.mark != form.mark:  # other settings: of no use any more
        _cancel()
        return
    going = child.going
    st.fragment(_show, run_every=0.5 if going else None)(child, going)


def _show(child: Child, was_going: bool) -> None:
    going, spent = child.going, time.monotonic() - child.began
    if was_going and not going:
        st.rerun()  # the whole page: the button can be pressed again
    if going:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Rehearsing some twenty steps: {spent:.0f} s so far.", width="stretch")
            st.button("Cancel", key="cancel_rehearsal", on_click=_cancel)
        return
    well, words = child.words()
    (st.success if well else st.error)(words, icon=":material/timer:" if well else None)
