"""The live image of Inductive bias: the visitor moves, shuffles or hides it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from dashboard.components.replay import Frames, replay
from dashboard.drawing import theme
from dashboard.drawing.markdown import sentence
from dashboard.inductive_bias import experiments, perturbations
from dashboard.shared import selection
from dashboard.states.inductive_bias import BiasState
from vitcore.architectures import ARCHITECTURES
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.probes import PROBES, LiveImage, Probe
from vitcore.runs.folder import Run

FRAMES: dict[str, Callable[[list[Run], np.ndarray, str], Frames]] = {
    "shift": perturbations.shifts,
    "shuffle": lambda runs, image, border: perturbations.shuffles(runs, image),
    "occlusion": lambda runs, image, border: perturbations.occlusions(runs, image),
}


def show(probe: Probe, live: LiveImage, runs: list[Run], data: Dataset) -> None:
    """Draw the image controls and the live image. Raises `UserError` if a model cannot be loaded."""
    image_column, border_column = st.columns([3, 1.4], vertical_alignment="bottom")
    with image_column:
        chosen = selection.choose_image(data)
    if live.border:
        border_column.segmented_control(
            "Border", BiasState.options("border"), required=True, **BiasState.bound("border"),
            help="What fills the gap of a shifted image: a reflection, the mean color, or its other side.",
        )  # fmt: skip
    for run in runs:
        if run.config.image_size != chosen.image.shape[-1]:
            raise UserError(
                f"{run.title} needs another image size than {data.name}: choose runs on the same data."
            )
    _live(probe, live, runs, data.classes, chosen)


@st.fragment
def _live(
    probe: Probe, live: LiveImage, runs: list[Run], classes: tuple[str, ...], chosen: selection.SelectedImage
) -> None:
    try:
        with st.spinner("Running both models"):
            frames, look = prepare(probe, live, runs, classes, chosen, experiments.border())
    except UserError as error:
        st.error(sentence(error))
        return
    key = f"replay_{probe.name}"
    replay(frames, look, key=key, painted=painted(key, probe.name, runs, chosen.image), on_mask=lambda: None)


def prepare(
    probe: Probe,
    live: LiveImage,
    runs: list[Run],
    classes: tuple[str, ...],
    chosen: selection.SelectedImage,
    border: str,
) -> tuple[Frames, dict[str, Any]]:
    """Return the arguments of `replay`: all variants with their predictions, and the look.

    Raises `UserError`.
    """
    frames = FRAMES[probe.name](runs, chosen.image, border)
    styles = theme.run_styles([run.config.model for run in runs])
    same_model = runs[0].config.model == runs[1].config.model
    labels = [run.title if same_model else ARCHITECTURES[run.config.model].label for run in runs]
    return frames, {
        "kind": probe.name,
        "mode": live.mode,
        "unit": live.unit,
        "models": [{"label": n, "color": c} for n, (c, _) in zip(labels, styles, strict=True)],
        "classes": list(classes),
        "truth": chosen.truth,
        "name": chosen.name,
        "hint": live.hint,
        "blank": "rgb({}, {}, {})".format(*perturbations.mean_color()),
    }


def painted_in(runs: list[Run], image: np.ndarray, text: str) -> tuple[str, np.ndarray] | None:
    """Return the mask in an address, in hexadecimal with one bit per cell, and the models' predictions.

    Return None if the text is not a mask.
    """
    if not re.fullmatch("[0-9a-f]{16}", text):
        return None
    mask = f"{int(text, 16):064b}"
    return (mask, perturbations.painted(runs, image, mask)) if "1" in mask else None


def painted(key: str, kind: str, runs: list[Run], image: np.ndarray) -> tuple[str, np.ndarray] | None:
    """Return the mask that the visitor has just painted, and the models' predictions."""
    live = PROBES[kind].live
    mask = getattr(st.session_state.get(key), "mask", None) if live and live.paint else None
    if not mask or len(mask) != 64 or set(mask) - {"0", "1"}:
        return None
    return mask, perturbations.painted(runs, image, mask)
