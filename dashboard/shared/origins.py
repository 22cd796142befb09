"""Where numbers come from: date, duration, machine, commit and command of results and of trainings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import streamlit as st

from dashboard.drawing.markdown import escape
from dashboard.shared import run_status
from vitcore.config import launch_command
from vitcore.errors import UserError
from vitcore.probes.store import Result
from vitcore.runs.folder import Run
from vitcore.runs.status import Status


def results(found: Iterable[Result], more: Callable[[Result], str] = lambda result: "") -> None:
    """Date, duration, machine, commit and command of each; `more`: what else there is to say about one."""
    for result in found:
        machine = f"{result.machine}, torch {result.torch}"
        _origin(
            " and ".join(result.runs),
            [result.date, f"{run_status.duration(result.seconds)} on {machine}", _code(result.commit)],
            result.command,
            more(result),
        )


def trainings(runs: Iterable[Run]) -> None:
    """The same of runs."""
    for run in runs:
        try:
            command = launch_command(run.config)
        except UserError:  # a recipe of another version
            command = ""
        _origin(run.title, [training(run.status())], command)


def training(status: Status) -> str:
    """When, how long and on what a run was trained, as far as that is known: runs of earlier versions name
    neither machine nor commit.
    """
    day = time.strftime("%Y-%m-%d", time.gmtime(status.started)) if status.started else "not started"
    took = f"{run_status.duration(status.active_s)} of training" if status.active_s else ""
    took += f" on {status.machine}" if took and status.machine else ""
    return ", ".join(filter(None, [day, took, _code(status.commit)]))


def _code(commit: str) -> str:
    return f"commit {commit}" if commit else ""


def _origin(title: str, facts: Sequence[str], command: str, more: str = "") -> None:
    st.markdown(f"**{escape(title)}**: {escape(', '.join(filter(None, facts)))}{more}")
    if command:
        st.code(command, language="bash", wrap_lines=True)
