"""Cached resources of the pages: datasets, models, captures, curves. torch is imported when a model is first
needed.

Models are shared by all visitors: nothing here changes them. Cached arrays are read-only by agreement.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from vitcore.architectures import ARCHITECTURES
from vitcore.data import Dataset, load_dataset
from vitcore.errors import UserError, no_weights
from vitcore.queue.devices import Device, list_devices
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.metrics import Reader, Scalars
from vitcore.runs.status import ACTIVE
from vitcore.runs.weights import count_trainable, read_header


@st.cache_resource(max_entries=4, show_spinner=False)
def dataset(name: str = "cifar10-mini", image_size: int = 32) -> Dataset:
    """A dataset; its splits are decoded when first used. Raises `UserError`."""
    return load_dataset(name, image_size, download=False)


def dataset_of(run: Run) -> Dataset:
    """The images to look at with a run: its own folder's, or the bundled part of CIFAR-10. Raises
    `UserError`.
    """
    config = run.config
    return dataset(config.data, config.image_size) if config.folder else dataset()


def runs(*, trained: bool = False, model: str | None = None) -> list[Run]:
    """Readable runs, bundled first; `trained`: only those with weights; `model`: only that architecture."""
    found = []
    for run in list_runs():
        try:
            fits = model is None or run.config.model == model
        except UserError:
            continue
        if fits and (not trained or run.weights):
            found.append(run)
    return found


@st.cache_resource(ttl=2.0, show_spinner=False)
def devices() -> list[Device]:
    """Return the training devices of this machine, cached briefly."""
    return list_devices()


def bundled() -> dict[str, Run]:
    """The bundled run of each architecture that has one, in the order of the menus."""
    there = {run.config.model: run for run in runs(trained=True) if run.bundled}
    return {name: there[name] for name in ARCHITECTURES if name in there}


@st.cache_resource(max_entries=10, show_spinner=False)
def loaded(path: str, weights: str, stamp: float) -> Any:
    """The model that `stamp_of` names."""
    from vitcore.models import load_run

    return load_run(Run(Path(path)), Path(weights))


def stamp_of(run: Run, snapshot: Path | None = None) -> tuple[str, str, float]:
    """Identify a version of a run's weights: run, file, time. Raise `UserError` without weights."""
    weights = snapshot or run.weights
    try:
        if weights is not None:
            return str(run.path), str(weights), weights.stat().st_mtime
    except OSError:
        raise UserError(f"The snapshot {weights.name} of run {run.id} is gone: choose another.") from None
    raise no_weights(run.id, active=run.status().state in ACTIVE)


def model(run: Run, snapshot: Path | None = None) -> Any:
    """The trained model of a run, loaded once per version of its weights."""
    return loaded(*stamp_of(run, snapshot))


@st.cache_resource(max_entries=256, show_spinner=False)
def _reader(path: str) -> Reader:
    return Reader(Path(path))


def scalars(run: Run) -> Scalars:
    """Return all curves of a run, reading only new events. All visitors share them."""
    return _reader(str(run.path)).read()


@st.cache_data(max_entries=64, show_spinner=False)
def _first_look(path: str, stamp: float) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        return dict(stored)


def first_look(run: Run) -> dict[str, np.ndarray] | None:
    """The stored probe `first-look` of a run: index [N], maps [N, h, w], probabilities [N, classes]."""
    path = run.path / "probes" / "first-look.npz"
    return _first_look(str(path), path.stat().st_mtime) if path.is_file() else None


@st.cache_data(max_entries=256, show_spinner=False)
def _parameters(path: str, stamp: float) -> int:
    return count_trainable(read_header(Path(path)))


def parameters(run: Run) -> int | None:
    """Return a model's number of trainable parameters, read from the weights header without torch."""
    path = run.weights
    try:
        return _parameters(str(path), path.stat().st_mtime) if path else None
    except (UserError, OSError):  # the page says it where it needs the weights
        return None
