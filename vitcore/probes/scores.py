"""What the probes `test` and `speed` are measured on, and how their results are found again. No torch.

Test images come class by class in turn, so that the bundled thousand of CIFAR-10 are the first of its ten
thousand. Every image's answer is kept, so that a page can show which images two models differ on.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitcore.config import Config
from vitcore.data import Dataset, load_dataset
from vitcore.errors import UserError
from vitcore.paths import data_dir
from vitcore.probes import SPEED, TEST
from vitcore.probes.score_values import Speed, TestScores
from vitcore.probes.store import Images, Result, Subject, find, pick
from vitcore.queue.devices import list_devices
from vitcore.runs.folder import Run

BUNDLED, COMPLETE = 1_000, 10_000  # test images of CIFAR-10
# of the complete test set, so that what was measured on it is found where only the bundled part is
COMPLETE_DIGEST = "bfba8e8ea06c08d5c272f7d67619e4c74c782cba92bdc85a3f49f612dcf09ae3"
TRAINING = 3_500  # images at most, of the run's own training, that are asked about for the gap
SCALE = 10_000  # probabilities are kept as whole numbers of this part


@dataclass(frozen=True)
class TestSet:
    """Which images a run is judged by: `count` test images, and by the side some of its training."""

    __test__ = False  # pytest: no test

    name: str
    count: int
    digest: str


def own_folder(config: Config) -> bool:
    """Whether a run was trained on a folder of the user's, else on CIFAR-10 or a part of it."""
    return config.folder is not None


def complete_here() -> bool:
    """Whether complete CIFAR-10 is on this machine, in sheets or in torchvision's files."""
    place = data_dir() / "cifar10"
    return (place / "labels.json").is_file() or (place / "cifar-10-batches-py" / "test_batch").is_file()


def test_set(run: Run, count: int) -> TestSet:
    """The first `count` test images (or as many as there are) that fit a run: its own folder's, or
    CIFAR-10's; more than a thousand of these are all ten thousand. Raises `UserError`.
    """
    images = test_images(run.config, count) if own_folder(run.config) or count <= BUNDLED else None
    name, size, digest = ("cifar10", COMPLETE, COMPLETE_DIGEST) if images is None else _about(images)
    training = [*training_of(run.config), min(size, TRAINING)]
    digest = hashlib.sha256(json.dumps([digest, *training]).encode()).hexdigest()
    return TestSet(name, size, digest)


test_set.__test__ = False


def _about(images: Images) -> tuple[str, int, str]:
    return images.name, len(images.labels), images.digest


def training_of(config: Config) -> list[Any]:
    """What tells a run's training images from another's: dataset, state of its files, share, seed."""
    files = _dataset(config.data, config.image_size).fingerprint if own_folder(config) else ""
    partial = config.train_share < 1
    here = complete_here() if partial and config.data == "cifar10" else None  # without it there are none
    return [config.data, files, config.train_share, config.seed if partial else 0, here]


def test_images(config: Config, count: int) -> Images:
    """See `test_set`. Raises `UserError` where complete CIFAR-10 is wanted and not on this machine."""
    if own_folder(config):
        data = _dataset(config.data, config.image_size)
        return _picked(data.name, data.size, data.fingerprint, count)
    if count <= BUNDLED:
        return _picked("cifar10-mini", 32, "", count)
    if not complete_here():
        raise UserError(
            f"More than {BUNDLED:,} test images need complete CIFAR-10: `python -m vitcore data cifar10` "
            "downloads it (170 MB)."
        )
    return pick(load_dataset("cifar10", download=False), COMPLETE)


test_images.__test__ = False


def _dataset(name: str, size: int) -> Dataset:
    return load_dataset(name, size, download=False)


@functools.lru_cache(maxsize=8)
def _picked(name: str, size: int, fingerprint: str, count: int) -> Images:
    return pick(_dataset(name, size), count)


def speed_settings(given: dict[str, Any] | None = None) -> dict[str, Any]:
    """The settings of a measurement of speed, with the device that it is measured on here."""
    device = list_devices()[0]
    return {**SPEED.settings(given), "device": f"{device.kind}: {device.name}"}


def speed_set(run: Run) -> TestSet:
    """What speed is measured on: nothing but the size of images counts."""
    return TestSet("images", 0, f"{run.config.image_size} pixels")


def find_test(run: Run, count: int, root: str | Path | None = None) -> Result[TestScores] | None:
    """What `python -m vitcore probe test` found, if it was measured. Raises `UserError`."""
    return find(TEST, [Subject(run)], test_set(run, count), TEST.settings(), root)


def find_speed(run: Run, root: str | Path | None = None) -> Result[Speed] | None:
    """What `python -m vitcore probe speed` found on this machine. Raises `UserError`."""
    return find(SPEED, [Subject(run)], speed_set(run), speed_settings(), root)


# --- what follows from two runs' answers to the same images ----------------------------------------


@dataclass(frozen=True)
class Duel:
    """Two models' answers to the same N images. Arrays [N]; `sure` are shares from 0 to 1."""

    truth: np.ndarray
    said: tuple[np.ndarray, np.ndarray]
    sure: tuple[np.ndarray, np.ndarray]

    @property
    def right(self) -> tuple[np.ndarray, np.ndarray]:
        return self.said[0] == self.truth, self.said[1] == self.truth

    def places(self, kind: str) -> np.ndarray:
        """Images of a kind: `first`, `second` (only that one is right), `none`, `both`; the surest mistakes
        come first.
        """
        a, b = self.right
        chosen = {"first": a & ~b, "second": b & ~a, "none": ~a & ~b, "both": a & b}[kind]
        wrongly = np.where(a, 0, self.sure[0]) + np.where(b, 0, self.sure[1])
        found = np.flatnonzero(chosen)
        return found[np.argsort(-wrongly[found], kind="stable")]


def duel(first: Result[TestScores], second: Result[TestScores]) -> Duel:
    """Raises `UserError` for results on different images."""
    a, b = first.values, second.values
    if a.truth != b.truth or a.classes != b.classes:
        raise UserError(f"{first.runs[0]} and {second.runs[0]} were not asked about the same images.")
    return Duel(
        np.array(a.truth),
        (np.array(a.predicted), np.array(b.predicted)),
        (np.array(a.confidence) / SCALE, np.array(b.confidence) / SCALE),
    )


def mcnemar(first: int, second: int) -> float:
    """The exact two-sided p-value that two classifiers are equally often right, from how many images only the
    one and only the other gets right: a fair coin, thrown for each of these (McNemar 1947).
    """
    n, least = first + second, min(first, second)
    if not n:
        return 1.0
    # the binomial tail, summed as whole numbers: exact for any n
    tail, term = 0, 1
    for k in range(least + 1):
        tail += term
        term = term * (n - k) // (k + 1)
    return min(1.0, 2 * tail / 2**n)
