"""The panel of measurements, with their progress or a button that starts them, and how they were measured.

`dashboard.shared.jobs` runs the measurements, one at a time for all pages and visitors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import streamlit as st

from dashboard.drawing.markdown import escape, sentence
from dashboard.shared import job_progress, origins
from dashboard.shared.measurements import Measurement, expected_seconds
from vitcore import numbers
from vitcore.errors import UserError
from vitcore.paths import check_allowed
from vitcore.probes.store import Result


def show(missing: Sequence[Measurement], about: str, *, refusal: str | None = None) -> None:
    """Show the progress of the missing results, or offer to measure them. Show nothing if none is missing.

    `about` describes the missing results. `refusal` says why they can't be measured here.
    """
    running = [measurement for measurement in missing if measurement.running]
    if running:
        _progress(running)
    elif missing:
        _offer(missing, about, refusal)


def _progress(running: Sequence[Measurement]) -> None:
    """Draw a progress bar for the current measurement, and a button that cancels all of them."""
    jobs = [(measurement, measurement.job) for measurement in running]
    current, job = next((pair for pair in jobs if pair[1] and not pair[1].waiting), jobs[0])
    done, total = (job.last.done, job.last.total) if job and job.last else (0, 0)
    text = f"{current.name}: {done:,} of {total:,} images" if total else f"{current.name}: starting"
    text += " (waiting for another measurement)" if job and job.waiting else ""
    text += f"; {len(running) - 1} more to measure" if len(running) > 1 else ""

    def cancel() -> None:
        for _, job in jobs:
            if job:
                job.cancel()

    job_progress.draw(done / total if total else 0.0, escape(text), cancel, key="cancel_measuring")


def _offer(missing: Sequence[Measurement], about: str, refusal: str | None) -> None:
    errors = [job.error for measurement in missing if (job := measurement.job) and job.error]
    for error in dict.fromkeys(errors):
        st.error(sentence(error))
    text_place, button_place = st.columns([3.2, 1.6], vertical_alignment="center")
    text_place.info(f"Not measured yet: {escape(about)}.", icon=":material/science:")
    try:
        check_allowed()
    except UserError as error:
        refusal = str(error)
    seconds = expected_seconds(missing)
    label = "Measure now" + (f" (about {numbers.duration(_round(seconds))})" if seconds else "")
    if button_place.button(
        label, type="primary", width="stretch", disabled=bool(refusal), help=refusal, key="measure"
    ):
        try:
            for measurement in missing:
                measurement.start()
        except UserError as error:
            st.error(sentence(error))
            return
        st.rerun()


def _round(seconds: float) -> float:
    step = 5 if seconds < 60 else 10
    return max(step, step * round(seconds / step))


def explain(
    place: Any, method: str, results: Iterable[Result], more: Callable[[Result], str] = lambda result: ""
) -> None:
    """Draw a popover in `place` with the method, and date, duration, machine and command of each result.

    `more` returns text to append for a result.
    """
    with origins.popover(place, method, width="stretch"):
        results = list(results)
        origins.results(results, more)
        if not results:
            st.caption("Not measured yet.")
