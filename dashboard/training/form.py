"""The form that configures a training. It starts from the settings of a recipe or of an existing run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.drawing.markdown import escape, sentence
from dashboard.shared import bound, resources
from dashboard.states.training import TrainingState
from dashboard.training import form_fields, image_check, start_form
from dashboard.training.start_form import OWN_FOLDER, Start
from vitcore.architectures import ARCHITECTURES, RECIPE_NAMES
from vitcore.config import FOLDER, Config, build_config, choices, make_config, setting_title
from vitcore.errors import UserError
from vitcore.paths import below_data, data_dir
from vitcore.pretraining import OFF
from vitcore.recipes import FINE_TUNING, PRETRAINING
from vitcore.runs.folder import Run
from vitcore.runs.start import fine_tuned

GPU_RECIPE = "gpu"
PURPOSES = {
    "quick": "minutes on a CPU",
    "modern": "complete CIFAR-10",
    GPU_RECIPE: "complete CIFAR-10 in minutes on a GPU",
    "tutorial": "as published, 180 epochs",
    "pretrain": "learns without labels to reconstruct masked patches, as a start for others",
    "finetune": "starts from another run, with a new head",
    "linear-probe": "trains only a new head for another run",
}
SOURCES = ("cifar10-mini", "cifar10", OWN_FOLDER)


@dataclass(frozen=True)
class Form:
    """The contents of the form. `values` holds the fields by the names of their settings."""

    model: str
    recipe: str
    values: dict[str, Any]
    base: Config | None  # the configuration of the copied run
    title: str
    device: str | None  # the key of the specific device
    needs_start: bool = False
    start: Start | None = None

    def config(self) -> Config:
        """Return the configuration. Raise `UserError` for an invalid setting."""
        if not self.values["data"]:
            raise UserError(f"Enter a folder under {data_dir()}, for example `flowers`.")
        if self.needs_start and self.start is None:
            raise UserError(f"Recipe {self.recipe} needs a run to start from: train or import one first.")
        if self.start and self.start.run and self.base is None:
            return fine_tuned(self.start.run, self.recipe, **self.values)
        if self.base is None:
            return make_config(self.recipe, **self.values)
        option_names = ARCHITECTURES[self.model].options.model_fields
        options = {**self.base.options, **{k: v for k, v in self.values.items() if k in option_names}}
        settings = {k: v for k, v in self.values.items() if k not in option_names}
        return build_config(**{**self.base.model_dump(), **settings, "options": options, "classes": None})

    @property
    def mark(self) -> str:
        """Identify the current settings, so that messages about earlier settings can be dropped."""
        return repr((self.recipe, self.values, self.base, self.title, self.device, self.start))


def purpose(form: Form) -> str:
    """Return what a recipe does, for one that has no accuracy or one that depends on its start."""
    return PURPOSES[form.recipe] if form.recipe in {**FINE_TUNING, **PRETRAINING} else "not measured yet"


def copy_settings(run: Run) -> None:
    """Fill the form with the settings of a run (callback)."""
    config, state = run.config, st.session_state
    source = config.data if config.data in SOURCES else OWN_FOLDER
    state.copy_of = run.id
    bound.put(TrainingState, model=config.model, recipe=config.recipe, data=source)
    if config.start:
        bound.put(TrainingState, start=config.start)
    if source == OWN_FOLDER:
        place, home = config.folder, data_dir().absolute()
        state.folder = str(place.relative_to(home)) if place and place.is_relative_to(home) else ""
        state.skip_broken = config.skip_broken


def _copied(found: list[Run], model: str, recipe: str) -> Run | None:
    """Return the copied run, as long as the form shows its model and its recipe."""
    wanted = st.session_state.get("copy_of")
    run = next((run for run in found if run.id == wanted), None)
    return run if run and (run.config.model, run.config.recipe) == (model, recipe) else None


def form(found: list[Run]) -> tuple[Form, list[DeltaGenerator]]:
    """Draw the row of settings. Return its contents, and the two places for buttons at its end."""
    places = st.columns([1.2, 1.35, 1.05, 1.05, 0.95, 1.15, 1.5], vertical_alignment="bottom")
    model_place, data_place, recipe_place, epochs_place, more_place, *button_places = places
    start_row = st.container()
    labels = {name: architecture.label for name, architecture in ARCHITECTURES.items()}
    model = bound.choose(model_place.selectbox, TrainingState, "model", "Model", labels, titles=True)
    architecture = ARCHITECTURES[model]
    sources = {name: name for name in SOURCES}
    source = bound.choose(data_place.selectbox, TrainingState, "data", "Data", sources)
    recipes = [name for name in RECIPE_NAMES if name in architecture.recipes]
    recipes += [*(PRETRAINING if architecture.masked else ()), *FINE_TUNING]
    named = bound.current(TrainingState, "recipe")  # a copied run may have a recipe of its own
    if named and _copied(found, model, named) and named not in recipes:
        recipes.append(named)
    recipe = bound.choose(
        recipe_place.selectbox,
        TrainingState,
        "recipe",
        "Recipe",
        {name: name for name in recipes},
        first=_first_recipe(recipes),
        help="  \n".join(f"**{name}**: {purpose}" for name, purpose in PURPOSES.items()),
    )
    copied = _copied(found, model, recipe)
    defaults = copied.config if copied else make_config(recipe, model=model)
    key = f"{model}_{recipe}" + (f"_{copied.id}" if copied else "")  # new widgets for other defaults
    values: dict[str, Any] = {"model": model}
    options, base = _options(defaults), copied and copied.config
    needs_start = start_form.is_needed(recipe, copied)
    start = start_form.choose(start_row, found, model, copied) if needs_start else None
    if start:
        base = start.copied_config
        key += f"_{start.name}"
        values |= start_form.fields(start, source, defaults, key)
        options = start_form.options_of(start)
    with epochs_place:
        values["epochs"] = form_fields.whole("Epochs", "epochs", defaults.epochs, key)
    with more_place.popover("More", icon=":material/tune:", width="stretch"):
        left, right = st.columns(2)
        with left:
            values["batch_size"] = form_fields.whole("Batch size", "batch_size", defaults.batch_size, key)
            values["seed"] = form_fields.whole("Seed", "seed", defaults.seed, key)
            values["sam_rho"] = form_fields.decimal("sam_rho", defaults.sam_rho, key)
            if defaults.mask_ratio:
                for name in ("decoder_dim", "decoder_layers"):
                    title = setting_title(model, name)
                    values[name] = form_fields.whole(title, name, getattr(defaults, name), key)
        with right:
            rate = st.text_input("Learning rate", f"{defaults.lr:g}", key=f"lr_{key}")
            values["lr"] = form_fields.number(rate)
            minutes = f"{defaults.minutes:g}" if defaults.minutes else ""
            minutes = st.text_input(
                "Minutes instead of epochs",
                minutes,
                key=f"minutes_{key}",
                placeholder="no limit",
                help="Stops after this many minutes. The learning rate follows the time that has passed.",
            )
            values["minutes"] = form_fields.number(minutes) if minutes.strip() else None
            values["device"], device = _device(defaults.device)
            if defaults.mask_ratio:
                values["mask_ratio"] = form_fields.decimal("mask_ratio", defaults.mask_ratio, key)
        values |= form_fields.options(architecture, options, key)
        title = st.text_input(
            "Title", placeholder=f"{architecture.label} {recipe}", key=f"title_{key}", max_chars=80
        )
    if copied:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"These are the settings of {escape(copied.title)}. You can change them.", width="stretch"
            )
            st.button("Back to the recipe", key="uncopy", on_click=st.session_state.pop, args=("copy_of",))
    values |= _data(source)
    return Form(model, recipe, values, base, title, device, needs_start, start), button_places


def _options(defaults: Config) -> dict[str, Any]:
    """Return the options of the model that the form shows, with their values."""
    fields = ARCHITECTURES[defaults.model].options
    fitting = {name for name in fields.offered if not (defaults.mask_ratio and name in OFF)}
    return {name: fields.model_fields[name].default for name in fitting} | defaults.options


def _first_recipe(recipes: list[str]) -> str:
    """Return the recipe that the form opens with. It depends on whether there is an NVIDIA GPU."""
    has_gpu = any(device.kind == "cuda" for device in resources.devices())
    return GPU_RECIPE if has_gpu and GPU_RECIPE in recipes else recipes[0]


def _device(default: str) -> tuple[str, str | None]:
    """Return (kind for the configuration, key of a specific device or None).

    With several GPUs, one of them can be chosen.
    """
    gpus = [device for device in resources.devices() if device.kind == "cuda"]
    names = dict.fromkeys(choices("device"))
    labels = {name: name for name in names}
    if len(gpus) > 1:
        for number, gpu in enumerate(gpus):
            labels[gpu.key] = f"GPU {number}: {gpu.name}"
    chosen = st.selectbox(
        "Device", list(labels), list(labels).index(default), format_func=labels.__getitem__, key="device"
    )
    return ("cuda", chosen) if chosen not in names else (chosen, None)


def _data(source: str) -> dict[str, Any]:
    """Return the settings of the dataset. The name is empty for a folder outside the data directory."""
    if source == "cifar10":
        files = ("labels.json", "cifar-10-batches-py")
        downloaded = any((data_dir() / "cifar10" / name).exists() for name in files)
        st.caption(
            "Complete CIFAR-10." if downloaded else "Not on this machine yet: the run downloads 170 MB first."
        )
    if source != OWN_FOLDER:
        return {"data": source}
    name, skip, check = st.columns([3, 1.7, 1.1], vertical_alignment="bottom")
    text = name.text_input(
        "Folder under the data directory",
        key="folder",
        placeholder="holds one folder of images per class",
        help=f"Under {data_dir()}. Images may have any size; they are resized for the model.",
    )
    skip_broken = skip.checkbox("Leave out images that cannot be read", key="skip_broken")
    path = below_data(text)
    known = bool(path) and _report(path)
    with check:
        image_check.button(path if known else None)
    if path and known:
        image_check.result(path)
    return {"data": f"{FOLDER}{path}" if path else "", "skip_broken": skip_broken}


def _report(path: Path) -> bool:
    """Show the splits and classes of a folder, and what is left out. Return whether it can be used."""
    try:
        lines = resources.listing(path).lines()
    except UserError as error:
        st.warning(sentence(error))
        return False
    st.caption("  \n".join(escape(line) for line in lines))
    return True
