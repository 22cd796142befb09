"""What pages look at, cached: datasets, models, captures, curves. torch is imported when a model is first
needed.

Models are shared by all visitors: nothing here changes them. Cached arrays are read-only by agreement.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from vitcore.architectures import ARCHITECTURES
from vitcore.data import Dataset, load_dataset
from vitcore.errors import UserError
from vitcore.runs.devices import Device, list_devices
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.metrics import Reader, Scalars


@st.cache_resource(max_entries=4, show_spinner=False)
def dataset(name: str = "cifar10-mini", image_size: int = 32) -> Dataset:
    """A dataset; its splits are decoded when first used. Raises `UserError`."""
    return load_dataset(name, image_size, download=False)


def dataset_of(run: Run) -> Dataset:
    """The images to look at with a run: its own folder's, or the bundled part of CIFAR-10. Raises
    `UserError`.
    """
    config = run.config
    return dataset(config.data, config.image_size) if config.data.startswith("folder:") else dataset()


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
    """What this machine trains on, as of a moment ago."""
    return list_devices()


def bundled() -> dict[str, Run]:
    """The bundled run of each architecture that has one, in the order of the menus."""
    there = {run.config.model: run for run in runs(trained=True) if run.bundled}
    return {name: there[name] for name in ARCHITECTURES if name in there}


@dataclass(frozen=True)
class View:
    """A ViT's reading of one image, as numpy."""

    weights: np.ndarray  # [layers, heads, T, T]
    rollout: np.ndarray  # [T, T]
    probabilities: np.ndarray  # [classes]
    has_cls: bool


@dataclass(frozen=True)
class Cams:
    """What a network with stages of feature maps looks at in one image, as numpy."""

    maps: list[np.ndarray]  # per stage [h, w], finest first
    probabilities: np.ndarray  # [classes]


@st.cache_resource(max_entries=6, show_spinner=False)
def _model(path: str, stamp: float) -> object:
    from vitcore.models import load_run

    return load_run(Run(Path(path)))


def model(run: Run) -> object:
    """The trained model of a run, loaded once per version of its weights."""
    weights = run.weights
    if weights is None:
        raise UserError(f"Run {run.id} has no weights yet: wait for the end of its first epoch.")
    return _model(str(run.path), weights.stat().st_mtime)


# few entries, and shared instead of copied: 0.8 MB a view of the tutorial's shape, 13 MB at patch size 2
@st.cache_resource(max_entries=16, show_spinner=False)
def _view(path: str, stamp: float, pixels: bytes, shape: tuple[int, ...]) -> View:
    import torch

    from vitcore.analysis.attention import capture, rollout

    net = _model(path, stamp)
    image = torch.from_numpy(np.frombuffer(pixels, dtype=np.uint8).reshape(1, *shape).copy())
    trace = capture(net, image)
    rolled = rollout(trace.weights)
    return View(
        weights=trace.weights[0].numpy(),
        rollout=rolled[0].numpy(),
        probabilities=trace.logits[0].softmax(dim=0).numpy(),
        has_cls=net.has_cls,
    )


def view(run: Run, image: np.ndarray) -> View:
    """Attention, rollout and prediction of a ViT run for an image uint8 [3, S, S]; raises `UserError`."""
    model(run)
    return _view(str(run.path), run.weights.stat().st_mtime, image.tobytes(), image.shape)


@st.cache_resource(max_entries=16, show_spinner=False)
def _cams(path: str, stamp: float, pixels: bytes, shape: tuple[int, ...]) -> Cams:
    import torch

    from vitcore.analysis.attribution import stage_maps

    image = torch.from_numpy(np.frombuffer(pixels, dtype=np.uint8).reshape(1, *shape).copy())
    maps, logits = stage_maps(_model(path, stamp), image)
    return Cams([m[0].numpy() for m in maps], logits[0].softmax(dim=0).numpy())


def cams(run: Run, image: np.ndarray) -> Cams:
    """Grad-CAM of every stage for the predicted class, and the prediction; raises `UserError`."""
    model(run)
    return _cams(str(run.path), run.weights.stat().st_mtime, image.tobytes(), image.shape)


@st.cache_resource(max_entries=256, show_spinner=False)
def _reader(path: str) -> Reader:
    return Reader(Path(path))


def scalars(run: Run) -> Scalars:
    """All curves of a run; only what is new is read. Shared by all visitors."""
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
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    state = ("running_mean", "running_var", "num_batches_tracked")
    shapes = [v["shape"] for k, v in header.items() if k != "__metadata__" and not k.endswith(state)]
    return int(sum(np.prod(shape) for shape in shapes))


def parameters(run: Run) -> int | None:
    """Trainable numbers of a run's model, read from the header of its weights, without torch."""
    path = run.weights
    return _parameters(str(path), path.stat().st_mtime) if path else None
