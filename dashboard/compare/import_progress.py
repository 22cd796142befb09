"""The progress of an import on the Compare page, and what it announces at its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import streamlit as st

from dashboard.drawing.markdown import escape, sentence
from dashboard.shared import job_progress, jobs, popovers, ticking
from vitcore import numbers
from vitcore.child import Child

TICK_S = 0.5
LIMIT_S = 3600.0
POPOVER = "published"  # closes after a successful import
NEWEST = "newest_import"


def show(key: str, waiting: str) -> None:
    """Draw the progress of the job `key` if there is one. `waiting` is shown before it knows any bytes."""
    if jobs.find(key):
        ticking.fragment(
            lambda running: _draw(key, waiting, running), lambda: jobs.running(key), every_s=TICK_S
        )


def _draw(key: str, waiting: str, running: bool) -> None:
    job = jobs.find(key)
    if job is None:
        return
    last = job.last
    if running:
        share, text = 0.0, waiting
        if last and last.total:
            share = last.done / last.total
            text = f"{last.done / 1e6:.0f} of {last.total / 1e6:.0f} MB"
        job_progress.draw(share, text, job.cancel, key=f"cancel_{key}")
    elif job.error:
        st.error(f"{sentence(job.error)} The bundled models are unchanged.")
    elif last and last.values:
        popovers.close(POPOVER, last.values)
        st.session_state[NEWEST] = last.values
        job.cancel()  # so that nobody reads it again
        st.rerun()  # the lists above were drawn before the import


def steps_of(source: str) -> Iterator[jobs.Progress]:
    """Import `source` by the command in a child process, which ends if the iterator is closed early.

    The last step has a text about the run. Raise `UserError`.
    """
    child = Child(
        "vitcore",
        "import",
        source,
        "--json",
        name="The import",
        limit_s=LIMIT_S,
        advice=f"use the command line, which has no limit of {numbers.duration(LIMIT_S)}",
    )
    yield from jobs.progress_of(child)
    yield jobs.Progress(1, 1, announcement(child.result()["runs"][0]))


def announcement(row: dict[str, Any]) -> str:
    """Return what is said about an imported run: its title, what it is, and what was assumed about it.

    `row` is that of `import --json`. The first part of its reason names the source, as the title does.
    """
    about = row["reason"].partition("; ")[2]
    text = f"Imported {row['title']}: choose it under Runs."
    return f"{text} {about[0].upper()}{about[1:]}." if about else text


def newest() -> None:
    """Draw what was said about the visitor's newest import, whose announcement has gone."""
    if text := st.session_state.get(NEWEST):
        st.caption(escape(text))
