"""Curves of runs and the state of a run, as pages show them."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard import resources, selection, theme
from dashboard.components.curves import Series, curves, series
from vitcore.architectures import ARCHITECTURES
from vitcore.runs.folder import Run, Status
from vitcore.runs.metrics import Curve, Scalars, active_seconds, epochs_of

AXES = {"step": "optimizer step", "epoch": "epoch", "wall clock": "minutes of training"}
TITLES = {"acc": "accuracy", "loss": "cross-entropy"}


def _along(scalars: Scalars, curve: Curve, axis: str) -> np.ndarray:
    if axis == "wall clock":
        return active_seconds(scalars, curve) / 60
    epochs = epochs_of(scalars, curve) if axis == "epoch" else None
    return curve.steps.astype(float) if epochs is None else epochs


def draw(found: list[Run], tags: tuple[str, str], axis: str, *, key: str, height: int) -> None:
    """Training (faint) and validation (full) curves of runs in one chart that keeps zoom and hidden curves.

    Of several runs the legend names each once; a click on it hides both of its curves.
    """
    items: list[Series] = []
    titles = [run.title for run in found]
    names = {r.id: r.title if titles.count(r.title) == 1 else selection.label_of(r) for r in found}
    styles = theme.run_styles([run.config.model for run in found])
    for run, (colour, dash) in zip(found, styles, strict=True):
        read = resources.scalars(run)
        for tag in tags:
            if tag in read:
                validation = tag.startswith("val")
                part = "validation" if validation else "training"
                name = part if len(found) == 1 else names[run.id]
                x, y = _along(read, read[tag], axis), read[tag].values
                shade = colour if validation else f"{colour}{theme.faint()}"
                group = part if len(found) == 1 else run.id
                shown = validation or len(found) == 1
                items.append(series(name, x, y, shade, dash, markers=validation, group=group, legend=shown))
    quantity = tags[-1].rsplit("_", 1)[-1]
    curves(
        items,
        key=key,
        view=f"{axis} {' '.join(run.id for run in found)}",
        x_title=AXES[axis],
        y_title=TITLES[quantity],
        percent=quantity == "acc",
        height=height,
    )


def describe(run: Run, status: Status, turn: str = "") -> str:
    """One line about where a run is; `turn` says where in the queue."""
    model = f"{ARCHITECTURES[run.config.model].label} on {run.config.data}, recipe {run.config.recipe}"
    if status.state == "queued":
        return f"{model}. {turn or 'Waiting for its turn'}: a device trains one run at a time."
    if status.state == "stopping":
        return f"{model}. {status.reason[:1].upper()}{status.reason[1:]}."
    if status.state == "running":
        if not status.steps:
            return f"{model}. Starting: loading torch and the data."
        parts = [f"epoch {min(status.epoch, run.config.epochs):.1f} of {run.config.epochs}"]
        if status.images_per_s:
            parts.append(f"{status.images_per_s:,.0f} images/s")
        if status.eta_s is not None:
            parts.append(f"{duration(status.eta_s)} left")
        return f"{model}. {', '.join(parts)}."
    if status.state == "finished":
        result = status.result
        after = f" after {duration(status.active_s)}" if status.active_s else ""
        if "test_acc" not in result:  # imported, with or without somebody's curves
            return f"{model}, {status.reason or 'finished'}{after}. Its scores are not known here."
        accuracy = f"**{100 * result['test_acc']:.1f} %** (n = {result['n_test']:,})"
        return f"{model}. Test accuracy {accuracy}{after}."
    return f"{model}. {status.reason[:1].upper()}{status.reason[1:]}."


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `2 h 5 min`"""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


STATE_COLOURS = {
    "queued": "gray", "running": "blue", "stopping": "orange", "finished": "green", "stopped": "gray",
    "failed": "red", "lost": "red",
}  # fmt: skip


def badge(status: Status) -> None:
    """The state as a small coloured label."""
    st.badge(status.state, color=STATE_COLOURS[status.state])
