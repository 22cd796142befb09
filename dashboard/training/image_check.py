"""The check of your own folder on the Training page: decode all images before a training does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.drawing.markdown import escape, sentence
from dashboard.shared import job_progress, jobs, messages, ticking
from vitcore.child import Child
from vitcore.config import FOLDER
from vitcore.data.folder import NAMED
from vitcore.paths import readonly

TICK_S = 0.5
LIMIT_S = 3600.0
ERROR = "image_check"


@dataclass(frozen=True)
class Checked:
    """The outcome: the number of images, and (file below the folder, reason) of those that cannot be read."""

    images: int
    unreadable: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        if not self.unreadable:
            return f"All {self.images:,} images can be read."
        names = ", ".join(file for file, _ in self.unreadable[:NAMED])
        more = f" and {len(self.unreadable) - NAMED:,} more" if len(self.unreadable) > NAMED else ""
        return (
            f"{self.images - len(self.unreadable):,} of {self.images:,} images can be read. "
            f"{len(self.unreadable):,} cannot: {names}{more}. Repair or remove them, or leave them out."
        )


def button(path: Path | None) -> None:
    """Draw the button that checks the images of a folder. It is disabled without a folder."""
    st.button(
        "Check images",
        key="check_images",
        icon=":material/fact_check:",
        width="stretch",
        disabled=path is None or readonly() or jobs.running(_key(path)),
        on_click=_start,
        args=(path,),
        help="Decodes all images, so that a broken one is known before the launch.",
    )


def result(path: Path) -> None:
    """Draw the progress or the outcome of the newest check of a folder, if there is one."""
    messages.show_error(ERROR, str(path))
    if jobs.find(_key(path)):
        ticking.fragment(
            lambda running: _show(path, running), lambda: jobs.running(_key(path)), every_s=TICK_S
        )


def _show(path: Path, running: bool) -> None:
    job = jobs.find(_key(path))
    if job is None:
        return
    last = job.last
    if running:
        share, text = 0.0, "Checking the images"
        if job.waiting:
            text = "Waiting for a measurement to end"
        elif last and last.total:
            share, text = last.done / last.total, f"{last.done:,} of {last.total:,} images checked"
        job_progress.draw(share, text, job.cancel, key="cancel_check")
    elif job.error:
        st.error(sentence(job.error))
    elif last and last.values:
        checked = last.values
        (st.warning if checked.unreadable else st.success)(escape(str(checked)))
        if len(checked.unreadable) > NAMED:
            with st.expander(f"All {len(checked.unreadable):,} images that cannot be read"):
                rows = [{"image": file, "reason": reason} for file, reason in checked.unreadable]
                st.dataframe(rows, hide_index=True, width="stretch")


def _start(path: Path) -> None:
    with messages.keep_error(ERROR, str(path)):
        jobs.start(_key(path), lambda: check(path))


def _key(path: Path) -> str:
    return f"images-{path}"


def check(path: Path) -> Iterator[jobs.Progress]:
    """Decode all images of a folder in a child process, which ends if the iterator is closed early.

    Raise `UserError`.
    """
    child = Child("vitcore", "data", f"{FOLDER}{path}", "--json", name="The check", limit_s=LIMIT_S)
    yield from jobs.progress_of(child)
    found = child.result()
    unreadable = tuple((fault["file"], fault["reason"]) for fault in found["unreadable"])
    yield jobs.Progress(found["images"], found["images"], Checked(found["images"], unreadable))
