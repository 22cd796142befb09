"""The live image of Inductive bias: the visitor moves, shuffles or hides it.

The experiment declares its variants (`vitcore.probes.live.LiveImage`). Their pictures and predictions are
cached by the version of the weights and the pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard.components.replay import replay
from dashboard.drawing.markdown import sentence
from dashboard.inductive_bias import experiment_figures, experiments
from dashboard.shared import resources, run_look, selection
from dashboard.shared.model_outputs import as_tensor
from dashboard.shared.selection import SelectedImage
from dashboard.shared.turns import limited
from dashboard.states.inductive_bias import BiasState, cell_bits
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.probes import PROBES, LiveImage, Probe
from vitcore.probes.live import Frames, Paint
from vitcore.runs.classifier import check_classifier
from vitcore.runs.folder import Run

Painted = tuple[str, np.ndarray]  # a 0 or 1 for each cell, and the probabilities [M, classes]


def show(probe: Probe, live: LiveImage, runs: list[Run], data: Dataset) -> None:
    """Draw the image controls and the live image. Raise `UserError` if a model cannot be loaded."""
    image_column, border_column = st.columns([3, 1.4], vertical_alignment="bottom")
    with image_column:
        chosen = selection.choose_image(data)
    if live.border:
        border_column.segmented_control(
            "Border",
            BiasState.options("border"),
            required=True,
            **BiasState.bound("border"),
            help="What fills the gap of a shifted image: a reflection, the mean color, or its other side.",
        )
    runs = list({run.id: run for run in runs}.values())  # a model without another one is shown alone
    for run in runs:
        check_classifier(run, name=run.title)
        if run.config.image_size != chosen.image.shape[-1]:
            raise UserError(
                f"{run.title} needs another image size than {data.name}: choose runs on the same data."
            )
    _live(probe, live, runs, data.classes, chosen)


@st.fragment
def _live(
    probe: Probe, live: LiveImage, runs: list[Run], classes: tuple[str, ...], chosen: SelectedImage
) -> None:
    try:
        with st.spinner("Running both models" if len(runs) > 1 else "Running the model"):
            frames, look = prepare(probe, live, runs, classes, chosen, experiments.border())
    except UserError as error:
        st.error(sentence(error))
        return
    draw(probe.name, runs, chosen.image, frames, look, key=f"replay_{probe.name}")


def prepare(
    probe: Probe,
    live: LiveImage,
    runs: list[Run],
    classes: tuple[str, ...],
    chosen: SelectedImage,
    border: str,
) -> tuple[Frames, dict[str, Any]]:
    """Return the arguments of `replay`: all variants with their predictions, and the look.

    Raise `UserError`.
    """
    border = border if live.border else ""
    pixels, shape = chosen.image.tobytes(), chosen.image.shape
    frames = _frames(probe.name, _stamps(runs), pixels, shape, border, live)
    styles, names = run_look.styles(runs), experiment_figures.labels(runs)
    return frames, {
        "kind": probe.name,
        "mode": live.mode,
        "unit": live.unit,
        "models": [{"label": names[run.id], "color": styles[run.id][0]} for run in runs],
        "classes": list(classes),
        "truth": chosen.truth,
        "name": chosen.name,
        "hint": live.hint,
        "blank": "rgb({}, {}, {})".format(*runs[0].config.preprocessing.mean_color()),
    }


def draw(
    kind: str, runs: list[Run], image: np.ndarray, frames: Frames, look: dict[str, Any], *, key: str
) -> None:
    """Draw the live image of the experiment `kind`, with the predictions for the cells that are painted over.

    `frames` and `look` are those of `prepare`.
    """
    bits = getattr(st.session_state.get(key), "mask", None)
    valid = isinstance(bits, str) and len(bits) == frames.cells**2 and set(bits) <= {"0", "1"}
    painted = _painted_over(kind, runs, image, bits) if bits and valid else None
    replay(frames, look, key=key, painted=painted)


def painted_in_link(kind: str, runs: list[Run], image: np.ndarray, cells: str | None) -> Painted | None:
    """Return the painted cells in a link and the predictions for them, or None if no cell is painted.

    `cells` is `BiasState.painted`.
    """
    bits = cell_bits(cells) if cells else None
    return _painted_over(kind, runs, image, bits) if bits else None


def _painted_over(kind: str, runs: list[Run], image: np.ndarray, bits: str) -> Painted | None:
    """Return the predictions with the cells marked 1 hidden. None if the experiment hides no cells."""
    live = PROBES[kind].live
    if not live or not live.paint:
        return None
    return bits, _painted(kind, _stamps(runs), image.tobytes(), image.shape, bits, live.paint)


def _stamps(runs: list[Run]) -> tuple[resources.Stamp, ...]:
    return tuple(resources.stamp_of(run) for run in runs)


@st.cache_resource(max_entries=72, show_spinner=False)
@limited
def _frames(
    kind: str,
    stamps: tuple[resources.Stamp, ...],
    pixels: bytes,
    shape: tuple[int, ...],
    border: str,
    _live: LiveImage,
) -> Frames:
    return _live.frames(_models(stamps), as_tensor(pixels, shape), border)


@st.cache_resource(max_entries=64, show_spinner=False)
@limited
def _painted(
    kind: str,
    stamps: tuple[resources.Stamp, ...],
    pixels: bytes,
    shape: tuple[int, ...],
    bits: str,
    _paint: Paint,
) -> np.ndarray:
    return _paint(_models(stamps), as_tensor(pixels, shape), [int(bit) for bit in bits])


def _models(stamps: tuple[resources.Stamp, ...]) -> list[Any]:
    return [stamp.model() for stamp in stamps]
