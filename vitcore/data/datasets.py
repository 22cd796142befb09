"""The datasets: `cifar10`, `cifar10-mini` (bundled), `folder:PATH`, and `photos` (bundled, without labels).

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
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from filelock import FileLock
from PIL import Image

from vitcore.config import FOLDER, PHOTOS, Config, folder_of
from vitcore.data import folder, photos
from vitcore.data.decoded import WHOLE_SIDE, DecodedImages, Pixels, chunks, part_of
from vitcore.data.layout import scan
from vitcore.data.subset import within
from vitcore.errors import UserError
from vitcore.paths import assets_dir, data_dir
from vitcore.preprocessing import DEFAULT, Preprocessing

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SPLIT_SEED = 42  # the tutorial's
VALIDATION_SHARE = 0.1


@dataclass(frozen=True)
class Split:
    """Images uint8 [N, 3, S, S] and labels int64 [N], -1 where there is none.

    Large images of a folder are decoded when they are indexed (`vitcore.data.decoded`).
    """

    images: Pixels
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, index: slice | np.ndarray) -> Split:
        """Return some of the images, without decoding them."""
        return Split(part_of(self.images, index), self.labels[index])


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
    names: tuple[str, ...] = ()  # of its test images, if these have no labels
    missing: str = ""  # why the images of the run are not on this machine, if these are shown instead
    preprocessing: Preprocessing = DEFAULT  # how its images, and those of visitors, are cropped and resized

    @property
    def state(self) -> str:
        """A hash of the paths, sizes and times of a folder's images, for caches. It needs no decoding."""
        lines = folder.stamp(self.listing) if self.listing else ()
        return hashlib.sha256(repr((self.name, self.classes, lines)).encode()).hexdigest()

    @cached_property
    def fingerprint(self) -> str:
        """A hash that changes when the images of a folder change. Resuming a run requires the same images.

        It reads every image. Raise one `UserError` for all images that cannot be read.
        """
        digest = hashlib.sha256("\n".join([self.name.split(":")[0], *self.classes]).encode())
        if self.listing:
            for part in (self.train, self.test):
                for images in chunks(part.images):
                    digest.update(images.tobytes())
                digest.update(part.labels.tobytes())
        return digest.hexdigest()

    @cached_property
    def train(self) -> Split:
        return self.read_train()

    @cached_property
    def test(self) -> Split:
        return self.read_test()


def split_indices(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the (training, validation) indices in `data.train`, int64: the dataset's, or `seeded_split`."""
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
    name: str,
    image_size: int = 32,
    *,
    download: bool = True,
    skip_broken: bool = False,
    preprocessing: Preprocessing = DEFAULT,
    classes: tuple[str, ...] | None = None,
) -> Dataset:
    """Return the dataset of this name. Raise `UserError` when it is unknown, missing or invalid.

    Of a folder, `skip_broken` leaves out images that cannot be read, `preprocessing` says how they are
    cropped and resized, and `classes` are those of a model, which replace its own if they include them.
    """
    if place := folder_of(name):
        return within(_folder(name, place, image_size, preprocessing, skip_broken=skip_broken), classes)
    if name == "cifar10-mini":
        found = _sheets(name, assets_dir() / "cifar10-mini")
    elif name == "cifar10":
        found = _cifar10(data_dir() / "cifar10", download=download)
    elif name == PHOTOS:
        found = _photos(image_size, preprocessing)
    else:
        raise UserError(f"Unknown dataset {name!r}: choose cifar10, cifar10-mini or folder:PATH.")
    return replace(found, preprocessing=preprocessing)


def _cifar10(place: Path, *, download: bool) -> Dataset:
    whole = os.path.isfile(place / "labels.json")
    return _sheets("cifar10", place) if whole else _torchvision(place, download=download)


def dataset_for(config: Config, *, download: bool = True) -> Dataset:
    """Return the dataset that a configuration trains on. Raise `UserError` as `load_dataset` does."""
    found = load_dataset(
        config.data,
        config.image_size,
        download=download,
        skip_broken=config.skip_broken,
        preprocessing=config.preprocessing,
        classes=config.classes,
    )
    return replace(found, classes=class_names(config)) if found.names else found


def class_names(config: Config) -> tuple[str, ...]:
    """Return the names of the classes of a model. They are numbers if the configuration has none."""
    return config.classes or tuple(f"class {number}" for number in range(1, config.num_classes + 1))


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


def photos_for(config: Config, missing: str) -> Dataset:
    """Return the bundled photographs with the classes of a run whose images are `missing`, which says why."""
    found = load_dataset(PHOTOS, config.image_size, preprocessing=config.preprocessing)
    return replace(found, classes=class_names(config), missing=missing)


def check_dataset(config: Config) -> Dataset | None:
    """Check the files of a dataset and return it. Raise one `UserError` for all images that cannot be read.

    A missing `cifar10` passes as None, because it is downloaded when the training starts.
    """
    if config.data == PHOTOS:
        raise photos.no_labels("A training")
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
    classes = checked.classes if checked else CLASSES
    return config.model_copy(update={"classes": () if config.mask_ratio else classes})


# --- photographs -------------------------------------------------------------------------------


def _photos(size: int, how: Preprocessing) -> Dataset:
    names = tuple(photo.name for photo in photos.photos())
    labels = np.full(len(names), -1, dtype=np.int64)

    def refuse() -> Split:
        raise photos.no_labels("A training")

    return Dataset(
        PHOTOS, (), size, refuse, lambda: Split(photos.read_photos(size, how), labels), names=names
    )


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


def _folder(name: str, place: Path, size: int, how: Preprocessing, *, skip_broken: bool) -> Dataset:
    """Read a dataset from a folder of images, whose layout `vitcore.data.folder` decides."""
    listing = scan(place)
    if skip_broken:
        listing = _readable((folder.stamp(listing), listing.unreadable), place)
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
        lambda: _read(listing, train, size, how),
        lambda: _read(listing, listing.test, size, how),
        validation=tuple(i for i, file in enumerate(order) if file in held),
        listing=listing,
        preprocessing=how,
    )


def _read(listing: folder.Listing, files: folder.Files, size: int, how: Preprocessing) -> Split:
    """Decode the images of a split, or prepare to decode large ones."""
    if size <= WHOLE_SIDE:
        return Split(*folder.read(listing, files, size, how))
    paths, labels = folder.labeled(listing, files)
    return Split(DecodedImages(listing, paths, size, how), labels)


@functools.lru_cache(maxsize=4)
def _readable(_: Hashable, place: Path) -> folder.Listing:
    """Return a folder's listing without unreadable images, found once for each state of its files."""
    listing = scan(place)
    return listing.without(folder.check(listing, decode_all=True))
