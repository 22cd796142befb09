"""The curves of runs: their controls, their charts, and a CSV file with all points."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator as Place

from dashboard.components.curves import Best, Series, curves, series
from dashboard.drawing import theme
from dashboard.shared import resources, selection
from dashboard.shared.page_state import CurvesState
from vitcore.errors import UserError
from vitcore.runs.folder import Run
from vitcore.runs.metrics import Curve, Scalars, active_seconds, epochs_of, smoothed
from vitcore.runs.status import ACTIVE

AXES = {
    "step": "optimizer step", "epoch": "epoch", "wall clock": "minutes of training", "images": "images seen",
}  # fmt: skip
FEW_POINTS = 5  # a shorter curve is drawn with markers
TICK_S = 1.0  # seconds between refreshes of an active run
TITLES = {"acc": "accuracy", "loss": "cross-entropy", "lr": "learning rate"}
MAIN = (("train_acc", "val_acc"), ("train_loss", "val_loss"))


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
        "Smoothing", 0.0, 0.99, step=0.01, **CurvesState.bound("smooth", value="value"),
        help="Exponential moving average, as in TensorBoard. The original curve remains faintly visible.",
    )  # fmt: skip
    log = right.toggle("Log loss", **CurvesState.bound("log", value="value"))
    return CurveStyle(axis, smooth, log)


def x_values(run: Run, scalars: Scalars, curve: Curve, axis: str) -> np.ndarray | None:
    """Return the x values [N] of a curve on an axis, or None if the run does not record them."""
    if axis == "wall clock":
        return active_seconds(scalars, curve) / 60
    if axis == "epoch":
        return epochs_of(scalars, curve)
    if axis == "images":
        size = batch_size(run)
        return curve.steps.astype(float) * size if size else None
    return curve.steps.astype(float)


def batch_size(run: Run) -> int | None:
    """Return images per step, or None if unknown (external event files)."""
    try:
        return run.config.batch_size
    except UserError:
        return None


def model_of(run: Run) -> str:
    """Return the name of the architecture, or an empty text for external event files."""
    try:
        return run.config.model
    except UserError:
        return ""


@dataclass
class Drawing:
    """The contents of one chart."""

    items: list[Series]
    best: list[Best]
    missing: list[str]  # names of runs without x values for the axis


def _faint() -> str:
    """Return the opacity of background curves as two hexadecimal digits, for the visitor's theme."""
    return "99" if st.context.theme.type == "dark" else "66"


def collect(runs: Sequence[Run], tags: Sequence[str], look: CurveStyle, faint: str) -> Drawing:
    """Collect the curves of runs for one chart.

    Validation is drawn in full color and training fainter. Parts that a resume discarded are dotted. `tags`
    are the metrics of the chart. `faint` is the opacity of training as two hexadecimal digits.
    """
    drawing = Drawing([], [], [])
    titles = [run.title for run in runs]
    labels = selection.run_labels(runs)
    names = {r.id: r.title if titles.count(r.title) == 1 else labels[r.id] for r in runs}
    single = len(runs) == 1
    for run, (color, dash) in zip(runs, theme.run_styles([model_of(r) for r in runs]), strict=True):
        scalars = resources.scalars(run)
        for tag in (tag for tag in tags if tag in scalars):
            curve = scalars[tag]
            x = x_values(run, scalars, curve, look.axis)
            if x is None:
                drawing.missing.append(names[run.id])
                break
            validation = tag.startswith("val") or len(tags) == 1
            part = ("validation" if validation else "training") if len(tags) > 1 else tag
            name = part if single else names[run.id] + ("" if validation else " (training)")
            group = part if single else run.id
            background = partial(series, "", legend=False, hover=False, group=group)
            values = curve.values
            if look.smooth and len(x) > 2:
                drawing.items.append(background(x, values, f"{color}33", dash))
                values = smoothed(values, look.smooth)
            shade = color if validation else f"{color}{faint}"
            # few points make no visible line
            markers = len(x) < FEW_POINTS or (validation and len(x) < 200)
            legend = validation or single
            drawing.items.append(
                series(name, x, values, shade, dash, markers=markers, group=group, legend=legend)
            )
            for piece in scalars.rewound.get(tag, []):
                discarded_x = x_values(run, scalars, piece, look.axis)
                if discarded_x is not None:
                    drawing.items.append(background(discarded_x, piece.values, f"{color}44", "dot"))
            if tag == "val_acc" and np.isfinite(curve.values).any():
                best = int(np.nanargmax(curve.values))
                text = f"best {100 * curve.values[best]:.1f} %" if single else ""
                point = Best(
                    x=float(x[best]), y=float(curve.values[best]), text=text, color=color, group=group
                )
                drawing.best.append(point)
    return drawing


def draw(runs: Sequence[Run], tags: Sequence[str], look: CurveStyle, *, key: str, height: int) -> None:
    """Draw the curves of runs in one chart with a height in pixels.

    With several runs, the legend names each run once, and a click on a name hides all curves of that run.
    """
    drawing = collect(runs, tags, look, _faint())
    quantity = tags[-1].rsplit("_", 1)[-1]
    curves(
        drawing.items,
        key=key,
        view=f"{look.axis} {' '.join(run.id for run in runs)}",
        x_title=AXES[look.axis],
        y_title=TITLES.get(quantity, tags[-1]),
        percent=quantity == "acc",
        log=look.log and quantity == "loss",
        best=drawing.best,
        height=height,
        empty="" if any(item["x"] for item in drawing.items) else _empty_note(runs),
    )
    if drawing.missing:
        names = ", ".join(dict.fromkeys(drawing.missing))
        st.caption(f"Not drawn, because {look.axis} is not recorded: {names}.")


def _empty_note(runs: Sequence[Run]) -> str:
    """Return why a chart of these runs has no points."""
    states = [run.status() for run in runs if model_of(run)]
    if any(status.state in ACTIVE for status in states):
        return "The first points appear after a few steps."
    if states and all(s.state != "finished" and s.started is None and not s.step for s in states):
        return "It never started." if len(states) == 1 else "They never started."
    return "No points were recorded."


def pair(runs: Sequence[Run], look: CurveStyle, *, key: str, height: int) -> None:
    """Draw accuracy and loss side by side."""
    for place, tags in zip(st.columns(2, gap="large"), MAIN, strict=True):
        with place:
            draw(runs, tags, look, key=f"{key}_{tags[0]}", height=height)
    if look.axis == "epoch" and (note := epoch_note(runs)):
        st.caption(note)


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
            f"An epoch of {who} is {steps:,} optimizer step{'s' * (steps != 1)}, "
            "not one pass over the training images."
        )
    return " ".join(sentences)


def more_metrics(runs: Sequence[Run], look: CurveStyle, *, key: str, page: type[CurvesState]) -> None:
    """Draw a toggle for every other metric, each in its own chart, and a button that downloads all curves."""
    left, right = st.columns([4, 1], vertical_alignment="center")
    others = other_tags(runs)
    label = f"More metrics ({len(others)})"
    wanted = left.toggle(label, **page.bound("more", value="value")) if others else False
    right.download_button(
        "All curves as CSV", lambda: as_csv(runs).encode(), "vitlab-curves.csv", "text/csv",
        key=f"csv_{key}", icon=":material/download:", width="stretch", on_click="ignore",
    )  # fmt: skip
    if wanted:
        columns = st.columns(2, gap="large")
        for i, tag in enumerate(others):
            with columns[i % 2]:
                st.markdown(f"**{tag.replace('_', ' ')}**")
                draw(runs, [tag], look, key=f"{key}_{tag}", height=220)


def other_tags(runs: Sequence[Run]) -> list[str]:
    """Return the names of all metrics that the runs logged, except accuracy, loss and epoch."""
    shown = {tag for tags in MAIN for tag in tags} | {"epoch"}
    return sorted({tag for run in runs for tag in resources.scalars(run).curves} - shown)


def as_csv(runs: Sequence[Run]) -> str:
    """Return every point of all curves as CSV: run, tag, step, epoch, seconds of training, value.

    Omits the parts that a resume discarded.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["run", "tag", "step", "epoch", "training_seconds", "value"])
    for run in runs:
        scalars = resources.scalars(run)
        for tag, curve in scalars.curves.items():
            epochs, seconds = epochs_of(scalars, curve), active_seconds(scalars, curve)
            for i, step in enumerate(curve.steps.tolist()):
                epoch = "" if epochs is None else f"{epochs[i]:.6g}"
                row = [run.id, tag, step, epoch, f"{seconds[i]:.3f}", repr(float(curve.values[i]))]
                writer.writerow(row)
    return out.getvalue()
