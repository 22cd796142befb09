"""The charts of further metrics of runs, and all curves as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import streamlit as st

from dashboard.drawing.markdown import escape
from dashboard.shared import bound, resources
from dashboard.shared.page_state import CurvesState
from dashboard.shared.run_curves import CurveStyle, draw, other_tags
from vitcore.runs.folder import Run
from vitcore.runs.metrics import active_seconds, epochs_of
from vitcore.runs.tags import readable

PER_PAGE = 12  # charts of further metrics


def more_metrics(runs: Sequence[Run], look: CurveStyle, *, key: str, page: type[CurvesState]) -> None:
    """Draw a toggle for every other metric, each in its own chart, and a button that downloads all curves."""
    left, right = st.columns([4, 1], vertical_alignment="center")
    others = other_tags(runs)
    label = f"More metrics ({len(others)})"
    wanted = left.toggle(label, **page.bound("more", value="value")) if others else False
    right.download_button(
        "All curves as CSV",
        lambda: as_csv(runs).encode(),
        "vitlab-curves.csv",
        "text/csv",
        key=f"csv_{key}",
        icon=":material/download:",
        width="stretch",
        on_click="ignore",
    )
    if wanted:
        _charts(runs, others, look, key=key, page=page)


def _charts(
    runs: Sequence[Run], tags: Sequence[str], look: CurveStyle, *, key: str, page: type[CurvesState]
) -> None:
    """Draw a chart for each tag, `PER_PAGE` at a time, with a filter if there are more."""
    if len(tags) > PER_PAGE:
        filter_place, page_place = st.columns([4, 1], vertical_alignment="bottom")
        text = filter_place.text_input(
            "Filter metrics", placeholder="parts of the name", **page.bound("metrics", value="value")
        )
        tags = [tag for tag in tags if matches(tag, text or "")]
        if not tags:
            st.caption("No metric has this name: change the filter.")
            return
        if (pages := -(-len(tags) // PER_PAGE)) > 1:
            bound.check_link(page, "metrics_page", range(1, pages + 1), "page 1")
            number = page_place.number_input(
                f"Page, of {pages}", 1, pages, step=1, **page.bound("metrics_page", value="value")
            )
            tags = tags[(number - 1) * PER_PAGE : number * PER_PAGE]
    columns = st.columns(2, gap="large")
    for i, tag in enumerate(tags):
        with columns[i % 2]:
            st.markdown(f"**{escape(readable(tag))}**")
            draw(runs, [tag], look, key=f"{key}_of_{tag}", height=220)


def matches(tag: str, text: str) -> bool:
    """Return whether a tag or its readable name contains every word of a text."""
    content = f"{tag} {readable(tag)}".lower()
    return all(word in content for word in text.lower().split())


def as_csv(runs: Sequence[Run]) -> str:
    """Return every point of all curves as CSV: run, tag, step, epoch, seconds of training, value.

    Omits the parts that a resume discarded.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["run", "tag", "step", "epoch", "training_seconds", "value"])
    for run in runs:
        scalars, renamed = resources.recorded(run), resources.scalars(run)  # the second one knows epochs
        for tag, curve in scalars.curves.items():
            epochs, seconds = epochs_of(renamed, curve), active_seconds(scalars, curve)
            for i, step in enumerate(curve.steps.tolist()):
                epoch = "" if epochs is None else f"{epochs[i]:.6g}"
                row = [run.id, tag, step, epoch, f"{seconds[i]:.3f}", repr(float(curve.values[i]))]
                writer.writerow(row)
    return out.getvalue()
