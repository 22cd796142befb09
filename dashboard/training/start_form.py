"""The row of the Training form for trainings that start from the weights of another run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.shared import bound
from dashboard.shared.labels import run_labels
from dashboard.states.training import TrainingState
from dashboard.training import form_fields
from vitcore.architectures import ARCHITECTURES
from vitcore.config import CIFAR, Config
from vitcore.finetuning import TRAINING_OPTIONS
from vitcore.paths import data_dir
from vitcore.recipes import FINE_TUNING
from vitcore.runs.folder import Run
from vitcore.runs.start import FIRST_RECIPE, can_start

OWN_FOLDER = "own folder"  # as the choice of the data
CIFAR_SIDE = 32  # pixels


@dataclass(frozen=True)
class Start:
    """What a training starts from.

    `run` is None if only the copied run, with the configuration `copied_config`, still has the weights.
    `places` are where its settings are drawn.
    """

    name: str
    run: Run | None
    copied_config: Config | None
    places: tuple[DeltaGenerator, ...] = field(repr=False, compare=False)

    @property
    def config(self) -> Config:
        """The configuration from which a fine-tuning takes its options."""
        config = self.copied_config or (self.run and self.run.config)
        assert config is not None, "one of the two has the weights"
        return config


def begin(run: Run) -> None:
    """Fill the form for a fine-tuning of a run (callback). Its data get images of the run's size."""
    st.session_state.pop("copy_of", None)
    bound.put(TrainingState, model=run.config.model, recipe=FIRST_RECIPE, start=run.id)
    if run.config.image_size != CIFAR_SIDE:
        bound.put(TrainingState, data=OWN_FOLDER)
        if not st.session_state.get("folder"):
            st.session_state.folder = _usual_folder(run)


def _usual_folder(run: Run) -> str:
    """Return the folder of a run's images, or else the only one with classes in the data directory."""
    home = data_dir().absolute()
    if (own := run.config.folder) and own.is_relative_to(home) and own.is_dir():
        return str(own.relative_to(home))
    found = [
        path for path in sorted(home.glob("*/")) if path.name != CIFAR[0] and len(list(path.glob("*/"))) > 1
    ]
    return found[0].name if len(found) == 1 else ""


def is_needed(recipe: str, copied: Run | None) -> bool:
    """Return whether a training starts from a run: its recipe needs one, or the copied run has one."""
    needed = recipe in FINE_TUNING or bool(copied and copied.config.start)
    if not needed:
        bound.write(TrainingState, start=None)
    return needed


def choose(place: DeltaGenerator, found: list[Run], model: str, copied: Run | None) -> Start | None:
    """Draw the choice of a start and return it. Without a run that can be one, say so and return None."""
    kept = copied.config if copied and copied.config.start else None
    able = {run.id: run for run in found if run.config.model == model and can_start(run)}
    options = run_labels(list(able.values()))
    if kept and kept.start not in options:
        options = {kept.start: f"{PurePath(kept.start).name} (weights kept by the copied run)", **options}
    if not options:
        place.info(
            f"No {ARCHITECTURES[model].label} has weights to start from. Train one with another recipe, or "
            "import one on the Compare page."
        )
        return None
    first, *places, _ = place.columns([2.55, 1.05, 1.05, 0.95, 2.65], vertical_alignment="bottom")
    chosen = bound.choose(
        first.selectbox,
        TrainingState,
        "start",
        "Start from",
        options,
        first=kept.start if kept else None,
        help="The training begins with the weights of this run, and a new head for the classes of the data. "
        "Architecture, options and normalization are those of the run.",
    )
    own = kept if kept and kept.start == chosen else None
    return Start(chosen, able.get(chosen), own, tuple(places))


def fields(start: Start, source: str, defaults: Config, key: str) -> dict[str, Any]:
    """Draw the settings of a fine-tuning, and return them by name. CIFAR-10 has only one image size."""
    values: dict[str, Any] = {}
    size, head, decay = start.places
    wanted = start.config.image_size
    if source in CIFAR and wanted != CIFAR_SIDE:
        st.info(
            f"This model takes images of {wanted} pixels, and those of {source} have {CIFAR_SIDE}: choose "
            f"“{OWN_FOLDER}” as Data. Images of a folder may have any size, and are resized."
        )
    if source not in CIFAR:
        with size:
            values["image_size"] = form_fields.whole("Image size", "image_size", wanted, key)
    if not defaults.freeze:
        rate = head.text_input(
            "Head rate",
            f"{defaults.head_lr:g}",
            key=f"head_lr_{key}",
            help="Learning rate of the new head, as a multiple of the learning rate.",
        )
        by_layer = decay.text_input(
            "Layer decay",
            f"{defaults.layer_decay:g}",
            key=f"layer_decay_{key}",
            help="Each layer has this times the learning rate of the layer above it. 1 trains all alike.",
        )
        values |= {"head_lr": form_fields.number(rate), "layer_decay": form_fields.number(by_layer)}
    return values


def options_of(start: Start) -> dict[str, Any]:
    """Return the options of a start that a fine-tuning can change."""
    return {name: value for name, value in start.config.options.items() if name in TRAINING_OPTIONS}
