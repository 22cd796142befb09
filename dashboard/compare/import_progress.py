"""The progress of an import on the Compare page, and what it announces at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.drawing.markdown import escape, sentence
from dashboard.shared import job_progress, jobs, messages, popovers, ticking
from vitcore import numbers
from vitcore.child import Child

TICK_S = 0.5
LIMIT_S = 3600.0
POPOVER = "published"  # closes after a successful import
NEWEST = "newest_import"


@dataclass(frozen=True)
class Own:
    """An import that this visitor has started. `source` is what it is about."""

    job: jobs.Job
    source: str


def start(key: str, source: str, steps: Callable[[], Iterator[jobs.Progress]]) -> None:
    """Start an import of this visitor. One with the same key at a time runs for all visitors.

    Raise `UserError`.
    """
    busy = "Another model is being imported: try again when that is done."
    st.session_state[_own(key)] = Own(jobs.start(key, steps, computes=False, busy=busy), source)


def show(key: str, waiting: str, source: str | None = None) -> None:
    """Draw the progress of the import `key`, and the outcome of this visitor's own one.

    `waiting` is shown before it knows any bytes. An error is shown as long as it is about `source`, None for
    any.
    """
    if jobs.running(key) or _own(key) in st.session_state:
        ticking.fragment(
            lambda running: _draw(key, waiting, source, running), lambda: jobs.running(key), every_s=TICK_S
        )


def _draw(key: str, waiting: str, source: str | None, running: bool) -> None:
    job, own = jobs.find(key), st.session_state.get(_own(key))
    if running and job:
        share, text = 0.0, waiting
        if (last := job.last) and last.total:
            share = last.done / last.total
            text = f"{last.done / 1e6:.0f} of {last.total / 1e6:.0f} MB"
        job_progress.draw(share, text, job.cancel, key=f"cancel_{key}")
    elif own is None or own.job.canceled.is_set():
        return
    elif own.job.error:
        if source in (None, own.source):
            st.error(f"{sentence(own.job.error)} The bundled models are unchanged.")
    elif own.job.last and own.job.last.values:
        del st.session_state[_own(key)]
        done, *more = own.job.last.values
        st.session_state[NEWEST] = " ".join(own.job.last.values)
        popovers.close(POPOVER, done)
        for text in more:  # apart, because a long message is cut
            messages.announce(text, icon=":material/info:")
        st.rerun()  # the lists above were drawn before the import


def _own(key: str) -> str:
    return f"own_import_{key}"


def steps_of(source: str) -> Iterator[jobs.Progress]:
    """Import `source` by the command in a child process, which ends if the iterator is closed early.

    The last step has the sentences that announce the run. Raise `UserError`.
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
    yield jobs.Progress(1, 1, announcements(child.result()["runs"][0]))


def announcements(row: dict[str, Any]) -> list[str]:
    """Return what is said about an imported run: its title, then what it is and what was assumed about it.

    `row` is that of `import --json`. The first part of its reason names the source, as the title does.
    """
    done = "These weights are already there as" if row["existing"] else "Imported"
    about = row["reason"].partition("; ")[2]
    said = f"{done} {row['title']}: choose it under Runs."
    return [said, f"{about[0].upper()}{about[1:]}."] if about else [said]


def newest() -> None:
    """Draw what was said about the visitor's newest import, whose announcements go."""
    if text := st.session_state.get(NEWEST):
        st.caption(escape(text))
