"""The datasets: `cifar10`, `cifar10-mini` (bundled) and `folder:PATH`.

This module needs numpy and pillow, and torch only for torchvision's files. A dataset has training images
(split into training and validation by `split_indices`), test images and class names. Images are uint8 [N, 3,
S, S]. Splits are decoded on first use, because pages need only the test images. CIFAR-10: Krizhevsky,
"Learning Multiple Layers of Features from Tiny Images", 2009.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from filelock import FileLock
from PIL import Image

from vitcore.config import FOLDER, Config, folder_of
from vitcore.data import folder
from vitcore.data.layout import scan
from vitcore.errors import UserError
from vitcore.paths import assets_dir, data_dir

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SPLIT_SEED = 42  # the tutorial's
VALIDATION_SHARE = 0.1


@dataclass(frozen=True)
class Split:
    """Images uint8 [N, 3, S, S] and labels int64 [N]."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A named dataset. Its two splits are read on first use."""

    name: str
    classes: tuple[str, ...]
    size: int
    read_train: Callable[[], Split]
    read_test: Callable[[], Split]
    validation: tuple[int, ...] | None = None  # held-out indices of train; None: a seeded tenth
    listing: folder.Listing | None = None  # of a folder
    missing: str = ""  # why its images are not on this machine

    @property
    def state(self) -> str:
        """A hash of the paths, sizes and times of a folder's images, for caches. It needs no decoding."""
        lines = folder.stamp(self.listing) if self.listing else ()
        return hashlib.sha256(repr((self.name, self.classes, lines)).encode()).hexdigest()

    @cached_property
    def fingerprint(self) -> str:
        """A hash that changes when the images of a folder change. Resuming a run requires the same images."""
        digest = hashlib.sha256("\n".join([self.name.split(":")[0], *self.classes]).encode())
        if self.listing:
            for part in (self.train, self.test):
                digest.update(part.images.tobytes())
                digest.update(part.labels.tobytes())
        return digest.hexdigest()

    @cached_property
    def train(self) -> Split:
        return self.read_train()

    @cached_property
    def test(self) -> Split:
        return self.read_test()


def split_indices(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the (training, validation) indices in `data.train`, int64.

    The validation images are those named by the dataset, or else those of `seeded_split`.
    """
    count = len(data.train)
    if data.validation is not None:
        held = np.array(data.validation, dtype=np.int64)
        return np.setdiff1d(np.arange(count), held), held
    return seeded_split(count)


def seeded_split(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the (training, validation) indices of `count` images: a permutation with seed 42, cut in two.

    For 50,000 images they equal the tutorial's `random_split(..., [45000, 5000],
    generator=torch.Generator().manual_seed(42))`. int64
    """
    import torch

    order = torch.randperm(count, generator=torch.Generator().manual_seed(SPLIT_SEED)).numpy()
    cut = count - max(1, round(count * VALIDATION_SHARE))
    return order[:cut], order[cut:]


def load_dataset(
    name: str, image_size: int = 32, *, download: bool = True, skip_broken: bool = False
) -> Dataset:
    """Return the dataset of this name. Raise `UserError` when it is unknown, missing or invalid.

    With `skip_broken`, images of a folder that cannot be read are left out.
    """
    if name == "cifar10-mini":
        return _sheets(name, assets_dir() / "cifar10-mini")
    if name == "cifar10":
        place = data_dir() / "cifar10"
        if os.path.isfile(place / "labels.json"):
            return _sheets(name, place)
        return _torchvision(place, download=download)
    if place := folder_of(name):
        return _folder(name, place, image_size, skip_broken=skip_broken)
    raise UserError(f"Unknown dataset {name!r}: choose cifar10, cifar10-mini or folder:PATH.")


def dataset_for(config: Config, *, download: bool = True) -> Dataset:
    """Return the dataset that a configuration trains on. Raise `UserError` as `load_dataset` does."""
    return load_dataset(config.data, config.image_size, download=download, skip_broken=config.skip_broken)


def check_classes(config: Config, data: Dataset) -> None:
    """Raise `UserError` if a folder of images has other classes than a run was trained on.

    It was changed since, or another folder has the same path on this machine. A model without a classifier
    takes any folder.
    """
    if not config.has_classifier:
        return
    if len(data.classes) != config.num_classes or tuple(config.classes or data.classes) != data.classes:
        raise UserError(
            f"{config.data} has other classes than this run was trained on: restore the folder, or choose "
            "another run."
        )


def without_images(config: Config, missing: str) -> Dataset:
    """Return the dataset of a configuration with its classes but no images, for the reason `missing`."""
    nothing = Split(np.zeros((0, 3, config.image_size, config.image_size), np.uint8), np.zeros(0, np.int64))
    classes = config.classes or CLASSES
    return Dataset(config.data, classes, config.image_size, lambda: nothing, lambda: nothing, missing=missing)


def check_dataset(config: Config) -> Dataset | None:
    """Check the files of a dataset and return it. Raise one `UserError` for all images that cannot be read.

    A missing `cifar10` passes as None, because it is downloaded when the training starts.
    """
    if config.data == "cifar10":
        return None
    data = dataset_for(config, download=False)
    if data.listing and not config.skip_broken and (unreadable := folder.check(data.listing)):
        raise folder.refuse(data.listing, unreadable)
    return data


def resolve(config: Config) -> Config:
    """Return the configuration with an absolute data path and the class names, ready for a run folder.

    Raise `UserError` when the data cannot be used.
    """
    data = f"{FOLDER}{config.folder}" if config.folder else config.data
    config = config.model_copy(update={"data": data})
    checked = check_dataset(config)
    return config.model_copy(update={"classes": checked.classes if checked else CLASSES})


# --- sheets ------------------------------------------------------------------------------------


def _sheets(name: str, place: Path) -> Dataset:
    """Read the sheet format: train*.png and test.png with an image per row of S*S pixels, and labels.json."""
    try:
        info = json.loads((place / "labels.json").read_text(encoding="utf-8"))
        classes, held = tuple(info["classes"]), info.get("validation")
        parts = {key: np.array(info[key], dtype=np.int64) for key in ("train", "test")}
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{place / 'labels.json'} is missing or broken: copy the dataset {name} again."
        ) from None
    return Dataset(
        name=name,
        classes=classes,
        size=32,
        read_train=lambda: _read_sheets(sorted(place.glob("train*.png")), parts["train"]),
        read_test=lambda: _read_sheets([place / "test.png"], parts["test"]),
        validation=None if held is None else tuple(held),
    )


def _read_sheets(files: list[Path], labels: np.ndarray) -> Split:
    try:
        # [rows, 32 * 32, 3] per sheet -> [N, 32, 32, 3]
        rows = [np.asarray(Image.open(f).convert("RGB")).reshape(-1, 32, 32, 3) for f in files]
        images = np.concatenate(rows)
    except (OSError, ValueError):
        names = ", ".join(f.name for f in files) or "train*.png"
        raise UserError(f"Cannot read the image sheets {names}: copy the dataset again.") from None
    if len(images) != len(labels):
        raise UserError(
            f"{len(images)} images in the sheets, but {len(labels)} labels in labels.json: copy the dataset "
            "again."
        )
    return Split(np.ascontiguousarray(images.transpose(0, 3, 1, 2)), labels)


# --- torchvision's files -----------------------------------------------------------------------


def _torchvision(place: Path, *, download: bool) -> Dataset:
    """Read CIFAR-10 from torchvision's files in `place`. Download them (170 MB, with progress) if missing."""
    from torchvision.datasets import CIFAR10

    def read(train: bool) -> Split:
        part = CIFAR10(str(place), train=train)
        images = np.ascontiguousarray(part.data.transpose(0, 3, 1, 2))  # [N, 32, 32, 3] -> [N, 3, 32, 32]
        return Split(images, np.array(part.targets, dtype=np.int64))

    try:
        CIFAR10(str(place), train=False)
    except RuntimeError:  # raised by torchvision for "not found or corrupted"
        if not download:
            raise UserError(
                f"CIFAR-10 is not in {place}: `python -m vitcore data cifar10` downloads it (170 MB)."
            ) from None
        print(f"CIFAR-10 is not in {place}: downloading it (170 MB).", flush=True)
        try:
            place.mkdir(parents=True, exist_ok=True)
            with FileLock(place / ".download.lock"):  # only one of several processes downloads
                CIFAR10(str(place), download=True)
        except (OSError, RuntimeError) as error:  # no network, a broken transfer, a full disk
            raise UserError(
                f"CIFAR-10 could not be downloaded to {place} ({_reason(error)}): "
                "connect to the internet and try again, or use the bundled cifar10-mini."
            ) from None
    return Dataset("cifar10", CLASSES, 32, lambda: read(True), lambda: read(False))


def _reason(error: Exception) -> str:
    return (
        str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error).strip().rstrip(".")
    )


# --- a folder per class ------------------------------------------------------------------------


def _folder(name: str, place: Path, size: int, *, skip_broken: bool) -> Dataset:
    """Read a dataset from a folder of images, whose layout `vitcore.data.folder` decides."""
    listing = scan(place)
    if skip_broken:
        listing = _readable(folder.stamp(listing), place)
    held = {file for files in listing.validation.values() for file in files}
    train = {  # in the order of the file names, with the validation images among them
        kind: tuple(sorted({*files, *listing.validation.get(kind, ())}, key=os.fsencode))
        for kind, files in listing.train.items()
    }
    order = [file for files in train.values() for file in files]
    return Dataset(
        name,
        listing.classes,
        size,
        lambda: Split(*folder.read(listing, train, size)),
        lambda: Split(*folder.read(listing, listing.test, size)),
        validation=tuple(i for i, file in enumerate(order) if file in held),
        listing=listing,
    )


@functools.lru_cache(maxsize=4)
def _readable(_: Hashable, place: Path) -> folder.Listing:
    """Return a folder's listing without unreadable images, found once for each state of its files."""
    listing = scan(place)
    return listing.without(folder.check(listing, decode_all=True))
