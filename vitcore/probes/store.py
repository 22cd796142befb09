"""Results of probes on disk, identified by the content of weights, images and settings. No torch.

A result is one JSON file, <probe>-<key>.json. For a bundled model it is in `probes` of the run folder, else
in `.probes` of the runs folder. Changed weights, other images or a new version of a probe change the key, so
that an outdated result is never shown.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from vitcore.config import CIFAR, PHOTOS, Config
from vitcore.data import Dataset, check_classes, dataset_for, load_dataset
from vitcore.data.decoded import Pixels, chunks, part_of
from vitcore.data.photos import IMPORT_AGAIN, no_labels
from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.preprocessing import DEFAULT, Preprocessing
from vitcore.probes import Probe, find_probe
from vitcore.probes.probe import V
from vitcore.probes.values import Values, first_problem
from vitcore.reading import parse_model, read_bytes
from vitcore.runs.classifier import check_classifier
from vitcore.runs.files import write_atomic, writing
from vitcore.runs.folder import Run
from vitcore.runs.weights import sha256_of, stored_sha256

UNTRAINED_SEED = 0
UNTRAINED = "untrained "  # before the id of a run, in results
LARGEST_RESULT = 20_000_000  # bytes; the largest of the bundled results has 141,173


class Result(BaseModel, Generic[V]):
    """The result of a probe and its origin. `values` have the type declared by the probe."""

    model_config = ConfigDict(extra="forbid")

    probe: str
    title: str
    runs: list[str]  # ids; "untrained ID" for the same model before any training
    models: list[str]  # architectures
    data: str
    images: int
    settings: dict[str, Any]
    values: V
    date: str
    seconds: float
    machine: str
    command: str
    commit: str
    torch: str

    @field_validator("values", mode="before")
    @classmethod
    def _typed(cls, values: Any, info: ValidationInfo) -> Any:
        kind = find_probe(info.data["probe"]).values if "probe" in info.data else None
        if kind is None or isinstance(values, Values):
            return values
        try:
            if info.mode == "json":  # with the rules of JSON: no boolean is a number, but a list is a tuple
                return kind.model_validate_json(json.dumps(values), strict=True)
            return kind.model_validate(values)
        except ValidationError as error:
            raise ValueError(first_problem(error)) from None


@dataclass(frozen=True)
class Subject:
    """A model to measure: a run's best weights, or the same model untrained."""

    run: Run
    untrained: bool = False

    @property
    def name(self) -> str:
        return UNTRAINED * self.untrained + self.run.id

    @property
    def can_be_measured(self) -> bool:
        """Whether its weights are here. Without them, there may be stored results."""
        return self.untrained or self.run.weights is not None

    @property
    def digest(self) -> str:
        """A digest of the weights and of a preprocessing that is not the default.

        Raise `UserError` if there are no weights, and no checksum of them.
        """
        config = self.run.config
        how = [] if config.preprocessing == DEFAULT else [config.preprocessing.model_dump(mode="json")]
        if self.untrained:
            what = [config.model, config.options, config.num_classes, config.image_size]
            return _sha(json.dumps([*what, UNTRAINED_SEED, *how], sort_keys=True).encode())
        weights = _weights_digest(self.run)
        return _sha(json.dumps([weights, *how], sort_keys=True).encode()) if how else weights


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _weights_digest(run: Run) -> str:
    if run.weights is not None:
        return sha256_of(run.weights)
    if stored := stored_sha256(run.best):
        return stored
    raise UserError(f"Run {run.id} has no weights to measure: choose a trained run.")


class Seen(Protocol):
    """The input of a measurement, identified by its content."""

    @property
    def digest(self) -> str: ...


@dataclass(frozen=True)
class Images:
    """Test images for measuring several models, balanced over the classes as far as possible."""

    name: str
    pixels: Pixels  # uint8 [N, 3, S, S]
    labels: np.ndarray  # int64 [N], negative for images without labels

    @property
    def labeled(self) -> bool:
        """Whether the class of every image is known."""
        return bool((self.labels >= 0).all())

    @property
    def title(self) -> str:
        """What results call these images."""
        return f"test images of {self.name}" if self.labeled else "bundled photographs"

    @property
    def digest(self) -> str:
        """A digest of pixels and labels. It reads every image, once."""
        return self._digest

    @functools.cached_property
    def _digest(self) -> str:
        sha = hashlib.sha256()
        for part in chunks(self.pixels):
            sha.update(part.tobytes())
        sha.update(self.labels.tobytes())
        return sha.hexdigest()


def check_needs(probe: Probe, runs: list[Run], *, titles: bool = False) -> None:
    """Raise `UserError` if a probe needs a classifier that a run lacks, or labels that its images lack.

    The error names runs by their ids, as commands do, or by their `titles`.
    """
    if probe.needs == "images":
        return
    for run in runs:
        check_classifier(run, name=run.title if titles else "")
    if probe.needs == "labels" and any(run.config.data == PHOTOS for run in runs):
        raise no_labels("This experiment", IMPORT_AGAIN)


def source_of(config: Config) -> str:
    """Return which images a run is measured on: its own folder, the photographs, or CIFAR-10."""
    return config.data if config.folder or config.data == PHOTOS else CIFAR[0]


def images_for(runs: list[Run], count: int, *, same_classes: bool = True) -> Images:
    """Return `count` test images (or all, if fewer), taking the first of each class, the second, and so on.

    They are from the runs' own folder, or from the bundled part of CIFAR-10. For models without a dataset
    they are the bundled photographs, which have no labels. Raise `UserError` for runs that cannot use the
    same images, or that differ in their classes if these must be the same.
    """
    if count < 1:
        raise UserError(f"{count} images cannot be measured: choose at least 1.")
    first = runs[0].config
    for run in runs[1:]:
        differ = same_classes and run.config.classes != first.classes
        if differ or run.config.image_size != first.image_size:
            raise UserError(
                f"{runs[0].id} and {run.id} differ in their classes or image sizes: choose runs on the same "
                "data."
            )
    if first.data == PHOTOS:
        found = dataset_for(first)
        return Images(found.name, found.test.images[:count], found.test.labels[:count])
    own = first.folder is not None
    if own and len({run.config.data for run in runs}) > 1:
        raise UserError("These runs were trained on different folders: choose runs on the same data.")
    if not own:
        return pick(_mini(), count)
    check_classes(first, dataset_for(first))
    return folder_images(first, count)


def images_of(probe: Probe, runs: list[Run], count: int) -> Images:
    """Return the images that a probe measures when `count` are asked for.

    Raise `UserError` as `check_needs` and `images_for` do.
    """
    check_needs(probe, runs)
    return images_for(runs, probe.count(count), same_classes=probe.needs != "images")


def folder_images(config: Config, count: int) -> Images:
    """Return `count` test images of a run's folder as `images_for` does, kept until its files change."""
    state = dataset_for(config, download=False).state
    what = config.data, config.image_size, config.classes, config.skip_broken
    return _picked(*what, config.preprocessing, state, count)


@functools.lru_cache(maxsize=8)
def _picked(
    name: str,
    size: int,
    classes: tuple[str, ...] | None,
    skip_broken: bool,
    preprocessing: Preprocessing,
    state: str,
    count: int,
) -> Images:
    data = load_dataset(
        name, size, download=False, skip_broken=skip_broken, preprocessing=preprocessing, classes=classes
    )
    return pick(data, count)


@functools.lru_cache(maxsize=1)
def _mini() -> Dataset:
    return load_dataset("cifar10-mini")


def pick(data: Dataset, count: int, *, part: np.ndarray | None = None) -> Images:
    """Return `count` images, taking classes in turn: test images, or training images at indices `part`."""
    split = data.test if part is None else data.train
    part = np.arange(len(split)) if part is None else part
    labels = split.labels[part]
    turn = np.zeros(len(labels), int)  # how many images of the same class come before it
    for label in np.unique(labels):
        turn[labels == label] = np.arange((labels == label).sum())
    order = np.lexsort((labels, turn))[:count]
    return Images(data.name, part_of(split.images, part[order]), labels[order])


def key_of(probe: Probe, subjects: list[Subject], images: Seen, settings: dict[str, Any]) -> str:
    """Return the key of a result. Raise `UserError` for a run without weights."""
    what = [probe.name, probe.version, [s.digest for s in subjects], images.digest, settings]
    return _sha(json.dumps(what, sort_keys=True).encode())[:20]


def find(
    probe: Probe[V],
    subjects: list[Subject],
    images: Seen,
    settings: dict[str, Any],
    root: str | Path | None = None,
) -> Result[V] | None:
    """Return the stored result for exactly these weights, images and settings, or None.

    Raise `UserError` for a file with wrong or missing keys.
    """
    name = f"{probe.name}-{key_of(probe, subjects, images, settings)}.json"
    for place in (subjects[0].run.path / "probes" / name, _cache(root) / name):
        if result := read_result(place):
            return result
    return None


def read_result(path: Path) -> Result[Any] | None:
    """Return a stored result, or None if the file is missing or truncated.

    Raise `UserError` for wrong or missing keys, and for a file that is too large.
    """
    if not os.path.isfile(path):
        return None
    content = read_bytes(path, LARGEST_RESULT)
    try:
        return parse_model(content, Result)
    except ValidationError as error:
        if error.errors(include_url=False)[0]["type"] == "json_invalid":
            return None
        raise UserError(
            f"{path} is not a result of this version ({first_problem(error)}): delete it and measure again."
        ) from None


def keep(
    result: Result,
    probe: Probe,
    subjects: list[Subject],
    images: Seen,
    root: str | Path | None = None,
    *,
    with_run: bool = False,
) -> Path:
    """Store a result in the cache of the runs folder, or in the first run's folder (for bundled models).

    Raise `UserError` if the folder is not writable.
    """
    place = subjects[0].run.path / "probes" if with_run else _cache(root)
    path = place / f"{probe.name}-{key_of(probe, subjects, images, result.settings)}.json"
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
        write_atomic(path, result.model_dump_json())
    return path


def _cache(root: str | Path | None) -> Path:
    return runs_dir(root) / ".probes"
