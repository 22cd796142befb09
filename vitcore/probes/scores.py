"""The inputs of the probes `test` and `speed`, and the lookup of their results. Does not import torch.

Test images alternate between the classes, so that the bundled thousand of CIFAR-10 are the first of its ten
thousand. The prediction for every image is stored, so that a page can show where two models differ.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitcore.config import PHOTOS, Config
from vitcore.data import dataset_for, load_dataset
from vitcore.data.photos import IMPORT_AGAIN, no_labels
from vitcore.errors import UserError
from vitcore.paths import data_dir
from vitcore.probes import SPEED, TEST
from vitcore.probes.score_values import TestScores
from vitcore.probes.store import Images, Result, Subject, find, folder_images, pick
from vitcore.queue.devices import list_devices
from vitcore.runs.classifier import check_classifier
from vitcore.runs.folder import Run

BUNDLED, COMPLETE = 1_000, 10_000  # test images of CIFAR-10
# Digest of the complete test set, to find its results on machines that have only the bundled part.
COMPLETE_DIGEST = "bfba8e8ea06c08d5c272f7d67619e4c74c782cba92bdc85a3f49f612dcf09ae3"
TRAINING = 3_500  # maximum number of the run's training images, for the generalization gap
SCALE = 10_000  # probabilities are stored as integers from 0 to this value


@dataclass(frozen=True)
class TestSet:
    """The images that a run is evaluated on: `count` test images, and some of its training images."""

    __test__ = False  # not a pytest class

    name: str
    count: int
    digest: str


def own_folder(config: Config) -> bool:
    """Return whether a run was trained on the user's own folder, not on CIFAR-10 or a part of it."""
    return config.folder is not None


def complete_here() -> bool:
    """Return whether complete CIFAR-10 is on this machine, in sheets or in torchvision's files."""
    place = data_dir() / "cifar10"
    return (place / "labels.json").is_file() or (place / "cifar-10-batches-py" / "test_batch").is_file()


def test_set(run: Run, count: int) -> TestSet:
    """Return the first `count` test images of a run's data, or all if there are fewer.

    They are from its own folder, or from CIFAR-10. A count above a thousand means all ten thousand of
    CIFAR-10. Raise `UserError` for a run without a classifier, and when the images are unavailable.
    """
    check_classifier(run)
    _check_labels(run.config)
    images = test_images(run.config, count) if own_folder(run.config) or count <= BUNDLED else None
    name, size, digest = ("cifar10", COMPLETE, COMPLETE_DIGEST) if images is None else _about(images)
    training = [*training_of(run.config), min(size, TRAINING)]
    digest = hashlib.sha256(json.dumps([digest, *training]).encode()).hexdigest()
    return TestSet(name, size, digest)


test_set.__test__ = False


def _check_labels(config: Config) -> None:
    if config.data == PHOTOS:
        raise no_labels("A test", IMPORT_AGAIN)


def _about(images: Images) -> tuple[str, int, str]:
    return images.name, len(images.labels), images.digest


def training_of(config: Config) -> list[Any]:
    """Return the identity of a run's training images: dataset, state of its files, share, seed."""
    files = dataset_for(config, download=False).state if own_folder(config) else ""
    partial = config.train_share < 1
    here = complete_here() if partial and config.data == "cifar10" else None  # without it there are none
    return [config.data, files, config.train_share, config.seed if partial else 0, here]


def test_images(config: Config, count: int) -> Images:
    """Return test images as in `test_set`. Raise `UserError` if complete CIFAR-10 is needed but missing."""
    _check_labels(config)
    if own_folder(config):
        return folder_images(config, count)
    if count <= BUNDLED:
        return _mini(count)
    if not complete_here():
        raise UserError(
            f"More than {BUNDLED:,} test images need complete CIFAR-10: `python -m vitcore data cifar10` "
            "downloads it (170 MB)."
        )
    return pick(load_dataset("cifar10", download=False), COMPLETE)


test_images.__test__ = False


@functools.lru_cache(maxsize=4)
def _mini(count: int) -> Images:
    return pick(load_dataset("cifar10-mini"), count)


def speed_settings(given: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the settings of a speed measurement, including the device of this machine."""
    device = list_devices()[0]
    return {**SPEED.settings(given), "device": f"{device.kind}: {device.name}"}


def speed_set(run: Run) -> TestSet:
    """Return the input of a speed measurement, where only the image size matters."""
    return TestSet("images", 0, f"{run.config.image_size} pixels")


def find_test(run: Run, count: int, root: str | Path | None = None) -> Result[TestScores] | None:
    """Return the stored result of `python -m vitcore probe test`, or None.

    Raise `UserError` when the images are unavailable or the stored file is invalid.
    """
    return find(TEST, [Subject(run)], test_set(run, count), TEST.settings(), root)


# --- comparison of two runs' predictions for the same images ---------------------------------------


@dataclass(frozen=True)
class PairedPredictions:
    """The predictions of two models for the same N images. Arrays are [N]. Confidence is from 0 to 1."""

    truth: np.ndarray
    predicted: tuple[np.ndarray, np.ndarray]
    confidence: tuple[np.ndarray, np.ndarray]

    @property
    def correct(self) -> tuple[np.ndarray, np.ndarray]:
        """Whether each prediction of the first and of the second model is correct."""
        return self.predicted[0] == self.truth, self.predicted[1] == self.truth

    def indices(self, kind: str) -> np.ndarray:
        """Return the indices of the images of a kind, most confident mistakes first.

        The kinds are `first` and `second` (only that model is correct), `none` and `both`.
        """
        a, b = self.correct
        chosen = {"first": a & ~b, "second": b & ~a, "none": ~a & ~b, "both": a & b}[kind]
        mistaken = np.where(a, 0, self.confidence[0]) + np.where(b, 0, self.confidence[1])
        found = np.flatnonzero(chosen)
        return found[np.argsort(-mistaken[found], kind="stable")]


def paired_predictions(first: Result[TestScores], second: Result[TestScores]) -> PairedPredictions:
    """Return the predictions of two results. Raise `UserError` for results on different images."""
    a, b = first.values, second.values
    if a.truth != b.truth or a.classes != b.classes:
        raise UserError(
            f"{first.runs[0]} and {second.runs[0]} were not tested on the same images: test them again."
        )
    return PairedPredictions(
        np.array(a.truth),
        (np.array(a.predicted), np.array(b.predicted)),
        (np.array(a.confidence) / SCALE, np.array(b.confidence) / SCALE),
    )


def mcnemar(first: int, second: int) -> float:
    """Return the exact two-sided p-value for equal accuracy of two classifiers (McNemar 1947).

    `first` and `second` are the numbers of images that only that classifier gets right. Under the null
    hypothesis, each of these images is the toss of a fair coin.
    """
    n, least = first + second, min(first, second)
    if not n:
        return 1.0
    # The binomial tail is summed in integers, which is exact for any n.
    tail, term = 0, 1
    for k in range(least + 1):
        tail += term
        term = term * (n - k) // (k + 1)
    return min(1.0, 2 * tail / 2**n)
