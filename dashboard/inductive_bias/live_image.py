"""One image of the page Inductive bias, moved, shuffled or hidden under the pointer."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import streamlit as st

from dashboard.components.replay import Frames, replay
from dashboard.drawing import theme
from dashboard.inductive_bias import experiments, perturbations
from dashboard.inductive_bias.state import BiasState
from dashboard.shared import selection
from vitcore.architectures import ARCHITECTURES
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.probes.experiments.shift import BORDERS
from vitcore.runs.folder import Run

KINDS = ("shift", "shuffle", "occlusion")
HINTS = {
    "shift": "Drag the image, or point at a place in the small maps; arrow keys move it by a pixel.",
    "shuffle": "Cells keep what is in them and lose their places. 8 x 8 cells are patches of 4 x 4 pixels.",
    "occlusion": "Each model hides cells by its own ranking. Paint over the image to hide what you choose.",
}


def show(kind: str, runs: list[Run], data: Dataset) -> None:
    """The image controls and the image itself. Raises `UserError` where a model cannot be loaded."""
    image_place, side = st.columns([3, 1.4], vertical_alignment="bottom")
    with image_place:
        chosen = selection.choose_image(data)
    if kind == "shift":
        side.segmented_control(
            "Border", BORDERS, required=True, **BiasState.bound("border"),
            help="What comes in from outside: the image mirrored, the mean color, or what left.",
        )  # fmt: skip
    for run in runs:
        if run.config.image_size != chosen.image.shape[-1]:
            raise UserError(f"{run.title} reads other images than {data.name}: choose runs on the same data.")
    _live(kind, runs, data.classes, chosen)


@st.fragment
def _live(kind: str, runs: list[Run], classes: tuple[str, ...], chosen: selection.Chosen) -> None:
    with st.spinner("Asking both models"):
        frames, look = prepare(kind, runs, classes, chosen, experiments.border())
    key = f"replay_{kind}"
    replay(frames, look, key=key, painted=painted(key, kind, runs, chosen.image), on_mask=lambda: None)


def prepare(
    kind: str, runs: list[Run], classes: tuple[str, ...], chosen: selection.Chosen, fill: str
) -> tuple[Frames, dict[str, Any]]:
    """What `replay` needs: every picture and answer; `fill`: the border of shifted images. Raises
    `UserError`.
    """
    if kind == "shift":
        frames = perturbations.shifts(runs, chosen.image, fill)
    elif kind == "shuffle":
        frames = perturbations.shuffles(runs, chosen.image)
    else:
        frames = perturbations.occlusions(runs, chosen.image)
    styles = theme.run_styles([run.config.model for run in runs])
    alike = runs[0].config.model == runs[1].config.model
    labels = [run.title if alike else ARCHITECTURES[run.config.model].label for run in runs]
    return frames, {
        "kind": kind,
        "mode": {"shift": "drag", "shuffle": "again", "occlusion": "pick"}[kind],
        "unit": {"shift": "", "shuffle": "Grid", "occlusion": "Hidden"}[kind],
        "models": [{"label": n, "color": c} for n, (c, _) in zip(labels, styles, strict=True)],
        "classes": list(classes),
        "truth": chosen.truth,
        "name": chosen.name,
        "hint": HINTS[kind],
        "blank": "rgb({}, {}, {})".format(*perturbations.mean_color()),
    }


def painted_in(runs: list[Run], image: np.ndarray, text: str) -> tuple[str, np.ndarray] | None:
    """The same for what an address names: a bit a cell, in hexadecimal. None for anything else."""
    if not re.fullmatch("[0-9a-f]{16}", text):
        return None
    mask = f"{int(text, 16):064b}"
    return (mask, perturbations.painted(runs, image, mask)) if "1" in mask else None


def painted(key: str, kind: str, runs: list[Run], image: np.ndarray) -> tuple[str, np.ndarray] | None:
    """What was painted over just now, and what the models say to it."""
    mask = getattr(st.session_state.get(key), "mask", None) if kind == "occlusion" else None
    if not mask or len(mask) != 64 or set(mask) - {"0", "1"}:
        return None
    return mask, perturbations.painted(runs, image, mask)
