"""Cached resources of the pages: datasets, models, curves. torch is imported when a model is first needed.

All visitors share them: do not change the models or the arrays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from vitcore.architectures import ARCHITECTURES
from vitcore.config import CIFAR, Config, folder_of
from vitcore.data import Dataset, check_classes, folder, load_dataset, photos_for
from vitcore.data.datasets import class_names
from vitcore.data.layout import scan
from vitcore.errors import UserError, no_weights
from vitcore.paths import runs_dir
from vitcore.preprocessing import DEFAULT, Preprocessing
from vitcore.queue.devices import Device, list_devices
from vitcore.reading import read_arrays
from vitcore.runs import foreign
from vitcore.runs.folder import Run, bundled_runs, list_runs
from vitcore.runs.foreign import ForeignRun
from vitcore.runs.metrics import Reader, Scalars
from vitcore.runs.status import ACTIVE
from vitcore.runs.tags import canonical
from vitcore.runs.weights import count_trainable, read_header

FOREIGN_S = 20.0  # event files in deeper folders are found after this time


def dataset(
    name: str = "cifar10-mini",
    image_size: int = 32,
    *,
    skip_broken: bool = False,
    preprocessing: Preprocessing = DEFAULT,
    classes: tuple[str, ...] | None = None,
) -> Dataset:
    """Return a dataset as `load_dataset` does, whose splits are decoded on first use. Raise `UserError`.

    A folder is read again when its files have changed.
    """
    state = _state(place) if (place := folder_of(name)) else ()
    return _dataset(name, image_size, skip_broken, repr(preprocessing), classes, state, preprocessing)


@st.cache_resource(ttl=5.0, max_entries=8, show_spinner=False)
def _state(place: Path) -> tuple:
    """Return what changes with the files of a folder. Cached, because it asks for the size of each file."""
    return folder.stamp(listing(place))


@st.cache_resource(max_entries=4, show_spinner=False)
def _dataset(
    name: str,
    image_size: int,
    skip_broken: bool,
    how: str,
    classes: tuple[str, ...] | None,
    state: tuple,
    _preprocessing: Preprocessing,
) -> Dataset:
    return load_dataset(
        name,
        image_size,
        download=False,
        skip_broken=skip_broken,
        preprocessing=_preprocessing,
        classes=classes,
    )


@st.cache_resource(ttl=5.0, max_entries=8, show_spinner=False)
def listing(place: Path) -> folder.Listing:
    """Return what a folder of images holds, by the names of its files. Raise `UserError`."""
    return scan(place)


def dataset_of(run: Run) -> Dataset:
    """Return the images to show with a run: those of its folder, or the bundled part of CIFAR-10.

    A run without a dataset, or whose folder is not on this machine, gets the bundled photographs. Raise
    `UserError`.
    """
    config = run.config
    if config.data in CIFAR:
        return dataset(preprocessing=config.preprocessing)
    if not config.folder:
        return _photos(config, "")
    try:
        found = dataset(
            config.data,
            config.image_size,
            skip_broken=config.skip_broken,
            preprocessing=config.preprocessing,
            classes=config.classes,
        )
        check_classes(config, found)
        return found
    except UserError as error:  # deleted, or on the machine where the run was trained
        return _photos(config, str(error))


def _photos(config: Config, missing: str) -> Dataset:
    how = repr(config.preprocessing)
    return _photos_of(config.image_size, how, class_names(config), missing, config)


@st.cache_resource(max_entries=16, show_spinner=False)
def _photos_of(image_size: int, how: str, classes: tuple[str, ...], missing: str, _config: Config) -> Dataset:
    return photos_for(_config, missing)


def runs(*, trained: bool = False, model: str | None = None) -> list[Run]:
    """Return the readable runs, the bundled ones first.

    `trained` selects runs with weights, and `model` selects the runs of one architecture.
    """
    selected = []
    for run in list_runs():
        try:
            matches = run.config.model == model or model is None
        except UserError:
            continue  # `broken` lists it
        if matches and (not trained or run.weights):
            selected.append(run)
    return selected


def broken() -> list[tuple[Run, str]]:
    """Return the runs whose configuration cannot be read, each with the reason."""
    found = []
    for run in list_runs(bundled=False):
        try:
            _ = run.config
        except UserError as error:
            found.append((run, str(error)))
    return found


@st.cache_resource(ttl=2.0, show_spinner=False)
def devices() -> list[Device]:
    """Return the training devices of this machine, cached briefly."""
    return list_devices()


def bundled() -> dict[str, Run]:
    """Return the most accurate bundled run of each architecture that has one, in the order of the menus."""
    by_model = {run.config.model: run for run in reversed(bundled_runs()) if run.weights}
    return {name: by_model[name] for name in ARCHITECTURES if name in by_model}


@st.cache_resource(max_entries=10, show_spinner=False)
def _loaded(path: str, weights: str, modified: float) -> Any:
    from vitcore.models import load_run

    return load_run(Run(Path(path)), Path(weights))


class Stamp(NamedTuple):
    """A version of a run's weights, as a key of caches: run folder, file, modification time."""

    path: str
    weights: str
    modified: float

    @property
    def run(self) -> Run:
        """The run."""
        return Run(Path(self.path))

    def model(self) -> Any:
        """Return the model with these weights, loaded once. Raise `UserError`."""
        return _loaded(*self)


def stamp_of(run: Run, snapshot: Path | None = None) -> Stamp:
    """Return the version of a run's weights, or of a snapshot. Raise `UserError` without weights."""
    weights = snapshot or run.weights
    if weights is None:
        raise no_weights(run.id, active=run.status().state in ACTIVE)
    try:
        return Stamp(str(run.path), str(weights), weights.stat().st_mtime)
    except OSError:
        raise UserError(f"The snapshot {weights.name} of run {run.id} is gone: choose another.") from None


def model(run: Run, snapshot: Path | None = None) -> Any:
    """Return the trained model of a run, loaded once per version of its weights. Raise `UserError`."""
    return stamp_of(run, snapshot).model()


@st.cache_resource(max_entries=256, show_spinner=False)
def _reader(path: str) -> Reader:
    return Reader(Path(path))


def recorded(run: Run) -> Scalars:
    """Return all curves of a run as its files name them. Reads only the events that are new."""
    return _reader(str(run.path)).read()


def scalars(run: Run) -> Scalars:
    """Return all curves of a run under the tags of ViT Lab (`vitcore.runs.tags`)."""
    found = recorded(run)
    if not isinstance(run, ForeignRun):
        return found
    kept = _renamed(str(run.path))
    last = kept.get("last")
    if last is None or last[0] is not found:  # `recorded` returns the same object without new events
        last = kept["last"] = (found, canonical(found, run.id))
    return last[1]


@st.cache_resource(max_entries=256, show_spinner=False)
def _renamed(path: str) -> dict[str, tuple[Scalars, Scalars]]:
    """Return a place for the last curves of a run, as recorded and renamed."""
    return {}


def foreign_runs() -> list[ForeignRun]:
    """Return the event files of other programs in the runs folder, cached for some seconds.

    A new folder in the runs folder is found at once.
    """
    home = runs_dir()
    try:
        changed = home.stat().st_mtime_ns
    except OSError:
        return []
    return _foreign_runs(home, changed)


@st.cache_resource(ttl=FOREIGN_S, max_entries=4, show_spinner=False)
def _foreign_runs(home: Path, changed: int) -> list[ForeignRun]:
    return foreign.foreign_runs(home)


@st.cache_data(max_entries=64, show_spinner=False)
def _first_look(path: str, stamp: float) -> dict[str, np.ndarray]:
    return read_arrays(Path(path))


def first_look(run: Run) -> dict[str, np.ndarray] | None:
    """Return the stored probe `first-look` of a run, or None. Raise `UserError` if the file is damaged.

    Its arrays are index [N] of the test images, maps [N, h, w] and probabilities [N, classes].
    """
    path = run.path / "probes" / "first-look.npz"
    try:
        stamp = path.stat().st_mtime
    except OSError:
        return None
    return _first_look(str(path), stamp)


@st.cache_data(max_entries=256, show_spinner=False)
def _parameters(path: str, stamp: float) -> int:
    return count_trainable(read_header(Path(path)))


def parameters(run: Run) -> int | None:
    """Return the number of trainable parameters of a run's model. Needs no torch.

    Without weights, it is what the training has stored, or None.
    """
    path = run.weights
    if not path:
        stored = run.stored_status().result.get("parameters")
        return None if stored is None else int(stored)
    try:
        return _parameters(str(path), path.stat().st_mtime)
    except (UserError, OSError):  # the page reports the error where it needs the weights
        return None
