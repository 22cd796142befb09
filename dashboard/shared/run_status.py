"""The state of a run in words and as a badge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import streamlit as st

from dashboard.drawing.markdown import escape
from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.config import IMPORTED, PHOTOS
from vitcore.runs.classifier import no_classifier
from vitcore.runs.folder import EXTERNAL, Run
from vitcore.runs.integrity import weights_fault
from vitcore.runs.status import ACTIVE, State, Status
from vitcore.runs.titles import start_title


def any_active(states: Iterable[State]) -> bool:
    """Return whether any run is queued, running or stopping."""
    return any(state in ACTIVE for state in states)


def describe(run: Run, status: Status, turn: str = "") -> str:
    """Describe the state of a run in one line of Markdown, and what is wrong with its weights.

    `turn` is its position in the queue.
    """
    fault = weights_fault(run, status)
    return f"{_state(run, status, turn)}{f' {escape(fault.sentence)}' if fault else ''}"


def _state(run: Run, status: Status, turn: str) -> str:
    data, reason = escape(run.config.data), escape(status.reason)
    reason = f"{reason[:1].upper()}{reason[1:]}"
    label = ARCHITECTURES[run.config.model].label
    if run.config.data != PHOTOS:  # which are shown, but not what it was trained on
        label += f" on {data}"
    elsewhere = {IMPORTED: "imported", EXTERNAL: "trained by another program"}
    how = elsewhere.get(run.config.recipe, f"recipe {run.config.recipe}")
    model = f"{label}, {how}"
    if run.config.start:
        model += f" from {escape(start_title(run.config))}"
    if status.state == "queued":
        return f"{model}. {turn or 'Waiting for its turn'}: a device trains one run at a time."
    if status.state == "stopping":
        return f"{model}. {reason}."
    if status.state == "running":
        if not status.steps:
            return f"{model}. Starting: loading torch and the data."
        config = run.config
        if config.minutes:
            share = numbers.percent(status.step / status.steps, 0)
            parts = [f"Epoch {status.epoch:.1f}, {share} of {config.minutes:g} min"]
        else:
            parts = [f"Epoch {numbers.epochs(status.epoch, config.epochs)}"]
        if status.images_per_s:
            parts.append(f"{status.images_per_s:,.0f} images/s")
        if status.memory_bytes:
            total = f" of {status.memory_total / 1e9:.0f}" if status.memory_total else ""
            parts.append(f"{status.memory_bytes / 1e9:.1f}{total} GB memory")
        if status.eta_s is not None:
            parts.append(f"{numbers.duration(status.eta_s)} left")
        elif status.reason and status.step:
            parts.append(escape(status.reason))
        return f"{model}. {', '.join(parts)}."
    if status.state == "finished":
        result = status.result
        after = f" after {numbers.duration(status.active_s)}" if status.active_s else ""
        if run.config.mask_ratio and result.get("test_loss") is not None:
            return f"{model}. Reconstruction error **{result['test_loss']:.3f}** on the test images{after}."
        if result.get("test_acc") is None:  # an imported run may lack it
            about = escape(status.reason) or "finished"
            known = label if about.startswith(how) else model
            unknown = "Its test accuracy is unknown."
            if not run.config.has_classifier:
                unknown = no_classifier("It", "it has no accuracy")
            return f"{known}, {about}{after}. {unknown}"
        accuracy = numbers.accuracy(result["test_acc"], result.get("n_test"))
        return f"{model}. Test accuracy **{accuracy}**{after}."
    return f"{model}. {reason}."


STATE_COLORS: dict[State, Literal["gray", "blue", "orange", "green", "red"]] = {
    "queued": "gray",
    "running": "blue",
    "stopping": "orange",
    "finished": "green",
    "stopped": "gray",
    "failed": "red",
    "lost": "red",
    "imported": "gray",
}


def warn_of_substitute(run: Run) -> None:
    """Warn if a page shows a snapshot of a run because its best weights are missing.

    Weights that cannot be read are an error of the page.
    """
    if (fault := weights_fault(run, run.status())) and fault.kind == "missing":
        st.warning(escape(fault.sentence))


def badge(state: State) -> None:
    """Draw a state as a colored badge."""
    st.badge(state, color=STATE_COLORS[state])
