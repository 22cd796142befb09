"""The sections of Compare below the curves: scores and mistakes of the same runs."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.compare import disagreement, measured, score_table, time_to_accuracy
from dashboard.compare import figures as draw
from dashboard.compare.confusion_figures import confusions
from dashboard.compare.figures import Shown
from dashboard.compare.measured import Item
from dashboard.components import figure_files
from dashboard.drawing.figures import Figure
from dashboard.drawing.markdown import escape
from dashboard.shared import bound, columns
from dashboard.shared.run_curves import CurveStyle
from dashboard.states.compare import CompareState
from vitcore import numbers
from vitcore.runs.folder import Run

SECTIONS = SCORES, CONFUSION, CLASSES, CALIBRATION, DISAGREEMENT, SPEED = CompareState.options("section")
FIGURES: dict[str, Callable[[list[Shown]], Figure]] = {
    CONFUSION: confusions,
    CLASSES: draw.classes,
    CALIBRATION: draw.calibration,
}


def show(runs: list[Run], look: CurveStyle) -> None:
    """Draw the selector of sections, and the selected section."""
    sections, images = st.columns([4, 1.2], vertical_alignment="bottom")
    bound.check_link(CompareState, "section", SECTIONS, SECTIONS[0])
    section = sections.segmented_control(
        "What to compare", SECTIONS, required=True, width="stretch", **CompareState.bound("section")
    )
    if section == SPEED:
        time_to_accuracy.show(runs, look)
        return
    options, first = measured.counts(runs)
    count = options[0]
    if len(options) > 1:
        count = bound.choose_count(
            images.segmented_control,
            CompareState,
            "tested",
            "Test images",
            options,
            first=first,
            required=True,
            width="stretch",
            help="1,000 test images of CIFAR-10 are bundled: the first 100 of each class.",
        )
    items = measured.look_up(runs, count)
    if section == SCORES:
        measured.control(items, count, speed=True)
        score_table.show(items)
        return
    fits, reasons = measured.alike(items)
    if reasons:
        st.info(escape(reasons))
    if not fits:
        return
    measured.control(fits, count, speed=False)
    known = [item for item in fits if item.test]
    if known:
        DRAWN[section](known)


def add_runs(ids: list[str]) -> None:
    """Add runs to the selected ones (callback)."""
    selected = bound.current(CompareState, "runs")
    bound.put(CompareState, runs=list(dict.fromkeys([*selected, *ids])))


def _confusion(known: list[Item]) -> None:
    chosen = disagreement.choose_pair(known)
    shown = [item.shown for item in chosen]
    alt = "confusion matrices of " + " and ".join(item.name for item in chosen)
    figure_files.show(FIGURES[CONFUSION](shown), key="confusion", alt=alt)
    n = f"{numbers.sample(chosen[0].tested.images)} {escape(chosen[0].tested.data)}"
    caption = f"Numbers of images, {n}. Rows are true classes, columns are predicted classes. Correct "
    caption += "predictions are bold and have no color."
    if len(shown) == 2:
        first = escape(chosen[0].name)
        caption += f" Both matrices have the same colors. The third matrix is orange where {first} predicts "
        caption += "the class more often, violet where it does so less often."
    st.caption(caption)


def _classes(known: list[Item]) -> None:
    shown = [item.shown for item in known]
    figure_files.show(FIGURES[CLASSES](shown), key="classes", alt="accuracy per class")
    each = known[0].tested.values.class_accuracy.count
    n = f"{min(each):,}" if min(each) == max(each) else f"{min(each):,} to {max(each):,}"
    st.caption(
        f"Accuracy on the test images of each class, n = {n} per class. Bars are one binomial standard "
        "error. The easiest class is at the top."
    )


def _calibration(known: list[Item]) -> None:
    chart, text = st.columns([1.9, 1], gap="large")
    with chart:
        shown = [item.shown for item in known]
        figure_files.show(FIGURES[CALIBRATION](shown), key="calibration", alt="reliability diagram")
    with text:
        calibration = known[0].tested.values.calibration
        st.markdown("**Expected calibration error**")
        st.dataframe(
            [
                {
                    "run": item.name,
                    "ECE %": round(100 * item.tested.values.calibration.ece, 2),
                    "confidence %": round(_mean_confidence(item), 2),
                    "accuracy %": round(100 * item.tested.values.accuracy, 2),
                }
                for item in known
            ],
            hide_index=True,
            width="stretch",
            column_config={"run": st.column_config.TextColumn(width=135)}
            | dict.fromkeys(("ECE %", "confidence %", "accuracy %"), columns.POINTS),
        )
        n = f"{numbers.sample(known[0].tested.images)} {escape(known[0].tested.data)}"
        st.caption(
            f"{n}, {calibration.bins} bins of equal width. "
            "Confidence is the largest probability (Guo et al. 2017); the table shows its mean. "
            "Above the dotted line, a model is underconfident, which label smoothing can cause. "
            f"Bars are one standard error. Open markers are bins with fewer than {draw.FEW} predictions. "
            "The lower panel shows the predictions per bin."
        )


def _mean_confidence(item: Item) -> float:
    bins = item.tested.values.calibration
    pairs = zip(bins.count, bins.confidence, strict=True)
    return 100 * sum(count * confidence for count, confidence in pairs) / item.tested.images


DRAWN: dict[str, Callable[[list[Item]], None]] = {
    CONFUSION: _confusion,
    CLASSES: _classes,
    CALIBRATION: _calibration,
    DISAGREEMENT: disagreement.show,
}
