"""The panel of measurements: progress and Cancel, or why it failed and a button; and how it was measured.

The work itself is done by `dashboard.shared.jobs`: one measurement at a time, for all pages and visitors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import streamlit as st

from dashboard.drawing.markdown import sentence
from dashboard.shared import origins, run_status
from dashboard.shared.measurements import Measurement, expected_seconds
from vitcore.errors import UserError
from vitcore.paths import check_allowed
from vitcore.probes.store import Result


def show(missing: Sequence[Measurement], about: str, *, refusal: str | None = None) -> None:
    """Progress while one of the missing results is being measured, else an offer to measure them: `about`
    says what they are, `refusal` what keeps them from being measured here. Nothing if none is missing.
    """
    running = [one for one in missing if one.running]
    if running:
        _progress(running)
    elif missing:
        _offer(missing, about, refusal)


def _progress(running: Sequence[Measurement]) -> None:
    """The measurement under way as a bar, how many follow, and Cancel for all of them."""
    bar, button = st.columns([5, 1], vertical_alignment="center")
    jobs = [(one, one.job) for one in running]
    current, job = next(((one, job) for one, job in jobs if job and not job.waiting), jobs[0])
    done, total = (job.last.done, job.last.total) if job and job.last else (0, 0)
    words = f"{current.name}: {done:,} of {total:,} images" if total else f"{current.name}: beginning"
    words += " (after another measurement)" if job and job.waiting else ""
    words += f"; {len(running) - 1} more to come" if len(running) > 1 else ""
    bar.progress(min(1.0, done / total) if total else 0.0, words)
    if button.button("Cancel", width="stretch", key="cancel_measuring"):
        for _, job in jobs:
            if job:
                job.cancel()
        st.rerun()


def _offer(missing: Sequence[Measurement], about: str, refusal: str | None) -> None:
    errors = [job.error for one in missing if (job := one.job) and job.error]
    for error in dict.fromkeys(errors):
        st.error(sentence(error))
    text, place = st.columns([3.2, 1.6], vertical_alignment="center")
    text.info(f"Not measured yet: {about}.", icon=":material/science:")
    try:
        check_allowed()
    except UserError as error:
        refusal = str(error)
    seconds = expected_seconds(missing)
    label = "Measure now" + (f" (about {run_status.duration(_round(seconds))})" if seconds else "")
    if place.button(
        label, type="primary", width="stretch", disabled=bool(refusal), help=refusal, key="measure"
    ):
        for one in missing:
            one.start()
        st.rerun()


def _round(seconds: float) -> float:
    step = 5 if seconds < 60 else 10
    return max(step, step * round(seconds / step))


def explain(
    place: Any, method: str, results: Iterable[Result], more: Callable[[Result], str] = lambda result: ""
) -> None:
    """A popover in `place`: the method; date, duration, machine and command of each result."""
    with place.popover("How it was measured", width="stretch"):
        st.markdown(method)
        results = list(results)
        origins.results(results, more)
        if not results:
            st.caption("Not measured yet.")
