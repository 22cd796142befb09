"""Show where numbers come from: date, duration, machine, commit and command of results and trainings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.drawing.markdown import escape
from vitcore import numbers
from vitcore.errors import UserError
from vitcore.probes.store import Result
from vitcore.runs.folder import Run
from vitcore.runs.status import Status
from vitcore.runs.titles import launch_command


def popover(place: Any, method: str, **widget_options: Any) -> DeltaGenerator:
    """Draw a popover that begins with a method, and return it, so that the origins of numbers follow there.

    `look` holds further arguments of `st.popover`.
    """
    drawn = place.popover("How it was measured", **widget_options)
    drawn.markdown(method)
    return drawn


def results(stored: Iterable[Result], more: Callable[[Result], str] = lambda result: "") -> None:
    """Show the origin of each result. `more` returns text to append for a result."""
    for result in stored:
        machine = f"{result.machine}, torch {result.torch}"
        _origin(
            " and ".join(result.runs),
            [result.date, f"{numbers.duration(result.seconds)} on {machine}", _code(result.commit)],
            result.command,
            more(result),
        )


def trainings(runs: Iterable[Run]) -> None:
    """Show the origin of each run."""
    for run in runs:
        try:
            command = launch_command(run.config)
        except UserError:  # a recipe of another version
            command = ""
        _origin(run.title, [training(run.status())], command)


def training(status: Status) -> str:
    """Return when, for how long and on which machine a run was trained, as far as that is known.

    Runs of earlier versions name neither machine nor commit.
    """
    day = time.strftime("%Y-%m-%d", time.gmtime(status.started)) if status.started else "not started"
    duration = f"{numbers.duration(status.active_s)} of training" if status.active_s else ""
    duration += f" on {status.machine}" if duration and status.machine else ""
    return ", ".join(filter(None, [day, duration, _code(status.commit)]))


def _code(commit: str) -> str:
    return f"commit {commit}" if commit else ""


def _origin(title: str, facts: Sequence[str], command: str, more: str = "") -> None:
    st.markdown(f"**{escape(title)}**: {escape(', '.join(filter(None, facts)))}{more}")
    if command:
        st.code(command, language="bash", wrap_lines=True)
