"""The curves of runs: their controls and their charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator as Place

from dashboard.components.curves import Best, curves, series
from dashboard.drawing import theme
from dashboard.drawing.markdown import escape
from dashboard.shared import drawable, resources, run_look
from dashboard.shared.curve_axes import AXES, x_values
from dashboard.shared.drawable import Drawing
from dashboard.shared.page_state import CurvesState
from dashboard.shared.run_look import model_of
from vitcore import numbers
from vitcore.config import IMPORTED
from vitcore.errors import UserError
from vitcore.runs.folder import Run
from vitcore.runs.metrics import Curve, smoothed
from vitcore.runs.status import ACTIVE
from vitcore.runs.tags import readable
from vitcore.runs.time_to_accuracy import highest

FEW_POINTS = 5  # a shorter curve is drawn with markers
TICK_S = 1.0  # seconds between refreshes of an active run
TITLES = {"acc": "accuracy", "loss": "cross-entropy", "lr": "learning rate"}
MAIN = (("train_acc", "val_acc"), ("train_loss", "val_loss"))
WITHOUT_LABELS = (("train_loss", "val_loss"), ("lr",))  # of runs that have no accuracies
RECONSTRUCTION = "mean squared error of masked patches"  # the loss of a pretraining without labels
AT_THE_END = {"test_acc", "test_loss"}  # one point per run, which the tables show


@dataclass(frozen=True)
class CurveStyle:
    """How curves are drawn. `axis` is a key of `AXES`, and `smooth` the weight of earlier points, 0 to 1."""

    axis: str = "epoch"
    smooth: float = 0.0
    log: bool = False

    @classmethod
    def of(cls, state: CurvesState) -> Self:
        """Return the style that an address specifies."""
        return cls(state.axis, state.smooth, state.log)


def controls(left: Place, middle: Place, right: Place) -> CurveStyle:
    """Draw the controls for axis, smoothing and scale. The address keeps their values."""
    axis = left.segmented_control("X axis", list(AXES), required=True, **CurvesState.bound("axis"))
    smooth = middle.slider(
        "Smoothing",
        0.0,
        0.99,
        step=0.01,
        **CurvesState.bound("smooth", value="value"),
        help="Exponential moving average, as in TensorBoard. The original curve remains faintly visible.",
    )
    log = right.toggle("Log loss", **CurvesState.bound("log", value="value"))
    return CurveStyle(axis, smooth, log)


def only_weights(run: Run) -> bool:
    """Return whether the weights of a run were imported without the curves of their training."""
    try:
        return run.config.recipe == IMPORTED and not resources.scalars(run).curves
    except UserError:
        return False


def without_training(runs: Sequence[Run]) -> str:
    """Return a sentence about those of the runs whose weights were imported. Empty if there are none."""
    names = run_look.names(runs)
    imported = [names[run.id] for run in runs if only_weights(run)]
    if not imported:
        return ""
    rest = "weights were imported, so there are no curves of a training."
    return f"The {rest}" if len(runs) == 1 else f"{', '.join(imported)}: the {rest}"


def fitting(runs: Sequence[Run], look: CurveStyle) -> tuple[CurveStyle, list[str]]:
    """Return a style whose axis all runs record, and sentences about what the charts cannot show.

    If a run has curves but no values of the chosen axis, the axis is the optimizer step.
    """
    names, notes, without = run_look.names(runs), [], []
    for run in runs:
        scalars = resources.scalars(run)
        if scalars.damaged:
            notes.append(
                f"{names[run.id]}: {', '.join(scalars.damaged)} is damaged, so its curves may be incomplete."
            )
        first = next(iter(scalars.curves.values()), None)
        if first is not None and x_values(run, scalars, first, look.axis) is None:
            without.append(names[run.id])
    unlabeled = [names[run.id] for run in runs if run_look.without_labels(run)]
    if 0 < len(unlabeled) < len(runs):
        notes.append(
            f"{', '.join(unlabeled)}: pretraining without labels. Its loss is the {RECONSTRUCTION}, not a "
            "cross-entropy, and it has no accuracy."
        )
    if imported := without_training(runs):
        notes.append(imported)
    if without:
        verb = "does" if len(without) == 1 else "do"
        quantity = "its batch size" if look.axis == "images" else f"the {look.axis}"
        notes.append(
            f"{', '.join(without)} {verb} not record {quantity}: the curves are drawn over optimizer steps."
        )
        look = replace(look, axis="step")
    return look, notes


@dataclass(frozen=True)
class _Piece:
    """A curve of a run over the axis of a chart."""

    run: Run
    tag: str
    name: str
    curve: Curve
    x: np.ndarray
    discarded: list[tuple[np.ndarray, np.ndarray]]  # (x, values) of the parts that a resume discarded


def collect(runs: Sequence[Run], tags: Sequence[str], look: CurveStyle, *, dark: bool = False) -> Drawing:
    """Collect the curves of runs for one chart.

    Validation is drawn in full color and training fainter. Parts that a resume discarded are dotted. `tags`
    are the metrics of the chart, and `dark` is whether the background is dark.
    """
    drawing = Drawing([], [], [])
    styles, single, explained = run_look.styles(runs), len(runs) == 1, False
    pieces = _pieces(runs, tags, look, drawing)
    limit = drawable.reach([piece.x for piece in pieces])
    far = drawable.FAR_LOG if is_log(tags, look) else drawable.FAR
    top = drawable.reach([piece.curve.values for piece in pieces], far)
    for piece in pieces:
        tag, near = piece.tag, drawable.within(piece.x, limit)
        large = np.isfinite(piece.curve.values) & (np.abs(piece.curve.values) > top)
        keep = near & ~large  # values that are not finite are gaps in the curve
        gaps = near & ~np.isfinite(piece.curve.values)
        for left_out, counts in ((gaps, drawing.gaps), (~near, drawing.far), (near & large, drawing.large)):
            if count := int(np.count_nonzero(left_out)):
                counts[piece.name] = count
        if not keep.any():
            continue
        color, dash = styles[piece.run.id]
        x, recorded = piece.x[keep], piece.curve.values[keep]
        validation = tag.startswith("val") or len(tags) == 1
        group = piece.name if single else piece.run.id
        background = partial(series, "", legend=False, hover=False, group=group)
        values = recorded
        if look.smooth and len(x) > 2:
            drawing.items.append(background(x, values, f"{color}33", dash))
            values = smoothed(values, look.smooth)
        shade = color if validation else theme.faint(color, dark=dark)
        markers = len(x) < (200 if validation else FEW_POINTS)
        # The run has no other entry in the legend
        alone = sum(other.run is piece.run for other in pieces) == 1
        legend = validation or single or alone
        explained = explained or not legend
        drawing.items.append(
            series(piece.name, x, values, shade, dash, markers=markers, group=group, legend=legend)
        )
        for discarded_x, discarded in piece.discarded:
            near = drawable.within(discarded_x, limit) & ~(np.abs(discarded) > top)
            drawing.items.append(background(discarded_x[near], discarded[near], f"{color}44", "dot"))
        best = highest(recorded) if tag == "val_acc" else None
        if best is not None:
            text = f"best {numbers.percent(recorded[best])}" if single else ""
            point = Best(x=float(x[best]), y=float(recorded[best]), text=text, color=color, group=group)
            drawing.best.append(point)
    if explained:
        empty = np.array([])
        drawing.items.append(series("faint: training", empty, empty, f"{theme.OTHER}99", hover=False))
    return drawing


def is_log(tags: Sequence[str], look: CurveStyle) -> bool:
    """Return whether the y axis of a chart of these metrics is logarithmic."""
    quantity = tags[-1].rsplit("_", 1)[-1]
    return (look.log and quantity == "loss") or quantity == "lr"


def drawn_reach(runs: Sequence[Run], axis: str) -> float:
    """Return how far from zero the chart of accuracies draws points (`drawable.reach`)."""
    pieces = _pieces(runs, MAIN[0], CurveStyle(axis), Drawing([], [], []))
    return drawable.reach([piece.x for piece in pieces])


def _pieces(runs: Sequence[Run], tags: Sequence[str], look: CurveStyle, drawing: Drawing) -> list[_Piece]:
    """Return the curves that have finite values over the axis, and enter the others into `drawing`."""
    names, pieces = run_look.names(runs), []
    for run in runs:
        scalars = resources.scalars(run)
        for tag in tags:
            if tag not in scalars:
                continue
            curve = scalars[tag]
            x = x_values(run, scalars, curve, look.axis)
            if x is None:
                drawing.missing.append(names[run.id])
                break
            validation = tag.startswith("val") or len(tags) == 1
            part = ("validation" if validation else "training") if len(tags) > 1 else readable(tag)
            name = part if len(runs) == 1 else names[run.id] + ("" if validation else " (training)")
            if not np.isfinite(curve.values).any():
                drawing.not_finite.append(name)
                continue
            discarded = [
                (discarded_x, old.values)
                for old in scalars.rewound.get(tag, [])
                if (discarded_x := x_values(run, scalars, old, look.axis)) is not None
            ]
            pieces.append(_Piece(run, tag, name, curve, x, discarded))
    return pieces


def draw(runs: Sequence[Run], tags: Sequence[str], look: CurveStyle, *, key: str, height: int) -> None:
    """Draw the curves of runs in one chart with a height in pixels.

    With several runs, the legend names each run once, and a click on a name hides all curves of that run.
    Learning rates have a logarithmic axis.
    """
    drawing = collect(runs, tags, look, dark=st.context.theme.type == "dark")
    quantity = tags[-1].rsplit("_", 1)[-1]
    curves(
        drawing.items,
        key=key,
        view=f"{look.axis} {' '.join(run.id for run in runs)}",
        x_title=AXES[look.axis],
        y_title=_y_title(runs, tags[-1]),
        percent=quantity == "acc",
        log=is_log(tags, look),
        best=drawing.best,
        height=height,
        empty=_empty_note(runs, drawing),
    )
    if drawing.empty and len(runs) == 1:
        return  # the chart itself says why
    for note in drawing.notes(look.axis):
        st.caption(escape(note))


def _y_title(runs: Sequence[Run], tag: str) -> str:
    unlabeled = [run_look.without_labels(run) for run in runs]
    if tag.endswith("_loss") and any(unlabeled):
        return "squared error" if all(unlabeled) else "loss"
    return TITLES.get(tag.rsplit("_", 1)[-1], readable(tag))


def _empty_note(runs: Sequence[Run], drawing: Drawing) -> str:
    """Return why a chart of these runs has no points, or an empty string if it has some."""
    if not drawing.empty:
        return ""
    if drawing.not_finite:
        return "No value is a finite number."
    states = [run.status() for run in runs if run_look.model_of(run)]
    if any(status.state in ACTIVE for status in states):
        return "The first points appear after a few steps."
    if states and all(s.state != "finished" and s.started is None and not s.step for s in states):
        return "It never started." if len(states) == 1 else "They never started."
    return "The x axis is not recorded." if drawing.missing else "No values are recorded."


def pair(runs: Sequence[Run], look: CurveStyle, *, key: str, height: int) -> None:
    """Draw accuracy and loss side by side, or loss and learning rate if no run has labels."""
    charts = WITHOUT_LABELS if all(map(run_look.without_labels, runs)) else MAIN
    for place, tags in zip(st.columns(2, gap="large"), charts, strict=True):
        with place:
            draw(runs, tags, look, key=f"{key}_{tags[0]}", height=height)
    if look.axis == "epoch" and (note := epoch_note(runs)):
        st.caption(escape(note))


def epoch_note(runs: Sequence[Run]) -> str:
    """Return a note on runs whose epoch is a number of steps, not a pass over the images. Empty if none."""
    runs_by_steps: dict[int, list[str]] = {}
    for run in runs:
        steps = run.config.steps_per_epoch if model_of(run) else None
        if steps:
            runs_by_steps.setdefault(steps, []).append(run.title)
    sentences = []
    for steps, names in runs_by_steps.items():
        if len(names) == len(runs):
            who = "this run" if len(runs) == 1 else "these runs"
        else:
            who = " and ".join(names) if len(names) < 3 else f"{len(names)} runs"
        sentences.append(
            f"An epoch of {who} is {numbers.count(steps, 'optimizer step')}, "
            "not one pass over the training images."
        )
    return " ".join(sentences)


def other_tags(runs: Sequence[Run]) -> list[str]:
    """Return the names of all metrics that the runs logged, except those that are shown elsewhere.

    These are accuracy, loss and epoch, and the results on test images, which are one point per run.
    """
    shown = {tag for tags in MAIN for tag in tags} | {"epoch"} | AT_THE_END
    return sorted({tag for run in runs for tag in resources.scalars(run).curves} - shown)
