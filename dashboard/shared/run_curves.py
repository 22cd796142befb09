"""Curves of runs as pages show them: which, against what, how smooth; and all their numbers as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
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

AXES = {
    "step": "optimizer step", "epoch": "epoch", "wall clock": "minutes of training", "images": "images seen",
}  # fmt: skip
TICK_S = 1.0  # seconds between refreshes of an active run
TITLES = {"acc": "accuracy", "loss": "cross-entropy", "lr": "learning rate"}
MAIN = (("train_acc", "val_acc"), ("train_loss", "val_loss"))


@dataclass(frozen=True)
class CurveStyle:
    """How curves are drawn; `smooth` is the weight of the past, 0 to 1."""

    axis: str = "epoch"
    smooth: float = 0.0
    log: bool = False

    @classmethod
    def of(cls, state: CurvesState) -> Self:
        """Return the style that an address specifies."""
        return cls(state.axis, state.smooth, state.log)


def controls(left: Place, middle: Place, right: Place) -> CurveStyle:
    """Axis, smoothing, scale, in the places of a row; kept in the address."""
    axis = left.segmented_control("Against", list(AXES), required=True, **CurvesState.bound("axis"))
    smooth = middle.slider(
        "Smoothing", 0.0, 0.99, step=0.01, **CurvesState.bound("smooth", value="value"),
        help="Exponential moving average, as in TensorBoard; the curve itself stays faintly behind.",
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
    """Return the architecture's name, or nothing for external event files."""
    try:
        return run.config.model
    except UserError:
        return ""


@dataclass
class Drawing:
    """What a chart shows."""

    items: list[Series]
    best: list[Best]
    missing: list[str]  # names of runs without x values for the axis


def _faint() -> str:
    """Return the opacity of background curves as two hexadecimal digits, for the visitor's theme."""
    return "99" if st.context.theme.type == "dark" else "66"


def collect(found: Sequence[Run], tags: Sequence[str], look: CurveStyle, faint: str) -> Drawing:
    """The curves of runs: training faint, validation full, what a resume took back fainter."""
    out = Drawing([], [], [])
    titles = [run.title for run in found]
    names = {r.id: r.title if titles.count(r.title) == 1 else selection.run_label(r) for r in found}
    alone = len(found) == 1
    for run, (color, dash) in zip(found, theme.run_styles([model_of(r) for r in found]), strict=True):
        scalars = resources.scalars(run)
        for tag in (tag for tag in tags if tag in scalars):
            curve = scalars[tag]
            x = x_values(run, scalars, curve, look.axis)
            if x is None:
                out.missing.append(names[run.id])
                break
            validation = tag.startswith("val") or len(tags) == 1
            part = ("validation" if validation else "training") if len(tags) > 1 else tag
            name = part if alone else names[run.id] + ("" if validation else " (training)")
            group = part if alone else run.id
            behind = {"legend": False, "hover": False, "group": group}
            values = curve.values
            if look.smooth and len(x) > 2:
                out.items.append(series("", x, values, f"{color}33", dash, **behind))
                values = smoothed(values, look.smooth)
            shade = color if validation else f"{color}{faint}"
            style = dict(group=group, legend=validation or alone, markers=validation and len(x) < 200)
            out.items.append(series(name, x, values, shade, dash, **style))
            for piece in scalars.rewound.get(tag, []):
                old = x_values(run, scalars, piece, look.axis)
                out.items.append(series("", old, piece.values, f"{color}44", "dot", **behind))
            if tag == "val_acc" and np.isfinite(curve.values).any():
                at = int(np.nanargmax(curve.values))
                text = f"best {100 * curve.values[at]:.1f} %" if alone else ""
                point = Best(x=float(x[at]), y=float(curve.values[at]), text=text, color=color, group=group)
                out.best.append(point)
    return out


def draw(found: Sequence[Run], tags: Sequence[str], look: CurveStyle, *, key: str, height: int) -> None:
    """Curves of runs in one chart. Of several runs the legend names each once; a click on it hides all of its
    curves.
    """
    drawing = collect(found, tags, look, _faint())
    quantity = tags[-1].rsplit("_", 1)[-1]
    curves(
        drawing.items,
        key=key,
        view=f"{look.axis} {' '.join(run.id for run in found)}",
        x_title=AXES[look.axis],
        y_title=TITLES.get(quantity, tags[-1]),
        percent=quantity == "acc",
        log=look.log and quantity == "loss",
        best=drawing.best,
        height=height,
    )
    if drawing.missing:
        st.caption(f"Without {look.axis}, so not drawn here: {', '.join(dict.fromkeys(drawing.missing))}.")


def pair(found: Sequence[Run], look: CurveStyle, *, key: str, height: int) -> None:
    """Draw accuracy and loss side by side."""
    for place, tags in zip(st.columns(2, gap="large"), MAIN, strict=True):
        with place:
            draw(found, tags, look, key=f"{key}_{tags[0]}", height=height)
    if look.axis == "epoch" and (words := epoch_note(found)):
        st.caption(words)


def epoch_note(found: Sequence[Run]) -> str:
    """Which runs count steps as an epoch, so that nobody takes it for a pass over the images; else empty."""
    owners: dict[int, list[str]] = {}
    for run in found:
        steps = run.config.steps_per_epoch if model_of(run) else None
        if steps:
            owners.setdefault(steps, []).append(run.title)
    said = []
    for steps, names in owners.items():
        alone = "this run" if len(found) == 1 else "these runs"
        who = (
            alone
            if len(names) == len(found)
            else " and ".join(names)
            if len(names) < 3
            else f"{len(names)} runs"
        )
        said.append(
            f"An epoch of {who} is {steps:,} optimizer steps, however often they pass over its images."
        )
    return " ".join(said)


def more_metrics(found: Sequence[Run], look: CurveStyle, *, key: str, page: type[CurvesState]) -> None:
    """Draw the other metrics on request, each in its own panel, and a download of all numbers."""
    left, right = st.columns([4, 1], vertical_alignment="center")
    others = other_tags(found)
    name = f"More metrics ({len(others)})"
    wanted = left.toggle(name, **page.bound("more", value="value")) if others else False
    right.download_button(
        "All curves as CSV", lambda: as_csv(found).encode(), "vitlab-curves.csv", "text/csv",
        key=f"csv_{key}", icon=":material/download:", width="stretch", on_click="ignore",
    )  # fmt: skip
    if wanted:
        columns = st.columns(2, gap="large")
        for at, tag in enumerate(others):
            with columns[at % 2]:
                st.markdown(f"**{tag.replace('_', ' ')}**")
                draw(found, [tag], look, key=f"{key}_{tag}", height=220)


def other_tags(found: Sequence[Run]) -> list[str]:
    """What the runs logged beside accuracy and loss, by name."""
    shown = {tag for tags in MAIN for tag in tags} | {"epoch"}
    return sorted({tag for run in found for tag in resources.scalars(run).curves} - shown)


def as_csv(found: Sequence[Run]) -> str:
    """Every point of the main curves, not thinned: run, tag, step, epoch, seconds of training, value. What a
    resume took back is not in it.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["run", "tag", "step", "epoch", "training_seconds", "value"])
    for run in found:
        scalars = resources.scalars(run)
        for tag, curve in scalars.curves.items():
            epochs, seconds = epochs_of(scalars, curve), active_seconds(scalars, curve)
            for i, step in enumerate(curve.steps.tolist()):
                epoch = "" if epochs is None else f"{epochs[i]:.6g}"
                row = [run.id, tag, step, epoch, f"{seconds[i]:.3f}", repr(float(curve.values[i]))]
                writer.writerow(row)
    return out.getvalue()
