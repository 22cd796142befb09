"""Measuring from a page: a button, how far it is, Cancel, why it failed; and where numbers come from.

The work itself is `dashboard.shared.jobs`: one measurement at a time, behind all pages.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.drawing.markdown import escape, sentence
from dashboard.shared import jobs, run_status
from vitcore.config import launch_command
from vitcore.errors import UserError
from vitcore.paths import check_allowed
from vitcore.probes.store import Result
from vitcore.runs.folder import Run
from vitcore.runs.status import Status


@dataclass(frozen=True)
class Task:
    """Something to measure: a job of that key; `name` says on the bar what it is about."""

    key: str
    name: str
    steps: Callable[[], Iterator]

    @property
    def busy(self) -> bool:
        """Under way, or waiting for its turn."""
        job = jobs.find(self.key)
        return bool(job and not job.over)


def progress(busy: Sequence[Task]) -> None:
    """The measurement under way as a bar, how many follow, and Cancel for all of them."""
    bar, stop = st.columns([5, 1], vertical_alignment="center")
    found = [(task, jobs.find(task.key)) for task in busy]
    task, job = next(((t, j) for t, j in found if j and not j.waiting), found[0])
    done, total = (job.last.done, job.last.total) if job and job.last else (0, 0)
    words = f"{task.name}: {done:,} of {total:,} images" if total else f"{task.name}: beginning"
    words += " (after another measurement)" if job and job.waiting else ""
    words += f"; {len(busy) - 1} more to come" if len(busy) > 1 else ""
    bar.progress(min(1.0, done / total) if total else 0.0, words)
    if stop.button("Cancel", width="stretch", key="cancel_measuring"):
        for _, job in found:
            if job:
                job.cancel()
        st.rerun()


def offer(tasks: Sequence[Task], words: str, *, seconds: float | None = None, why: str | None = None) -> None:
    """Why the last attempt failed; what is not measured; and the button that measures it, in about `seconds`
    where that is known. `why`: what keeps it from being measured here.
    """
    for problem in dict.fromkeys(job.error for t in tasks if (job := jobs.find(t.key)) and job.error):
        st.error(sentence(problem))
    said, act = st.columns([3.2, 1.6], vertical_alignment="center")
    said.info(f"Not measured yet: {words}.", icon=":material/science:")
    try:
        check_allowed()
    except UserError as error:
        why = str(error)
    label = "Measure now" + (f" (about {run_status.duration(_round(seconds))})" if seconds else "")
    if act.button(label, type="primary", width="stretch", disabled=bool(why), help=why, key="measure"):
        for task in tasks:
            jobs.start(task.key, task.steps)
        st.rerun()


def _round(seconds: float) -> float:
    step = 5 if seconds < 60 else 10
    return max(step, step * round(seconds / step))


def origins(results: Iterable[Result], more: Callable[[Result], str] = lambda result: "") -> None:
    """Date, duration, machine, commit and command of each; `more`: what else there is to say of one."""
    for result in results:
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
