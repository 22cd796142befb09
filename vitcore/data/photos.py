"""The bundled photographs: images without labels, for models whose own images are not on this machine.

`assets/photos/photos.yaml` states title, author, source and license of each. Needs no torch.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitcore.data.images import check_header, read_photo
from vitcore.errors import UserError
from vitcore.paths import assets_dir
from vitcore.preprocessing import Preprocessing
from vitcore.reading import read_yaml

# for imported models
IMPORT_AGAIN = "import the model again with --data folder:PATH, which has a folder of images for each class"


@dataclass(frozen=True)
class Photo:
    """A bundled photograph. `name` is that of its file and of links to it."""

    name: str
    title: str
    author: str
    license: str
    source: str

    @property
    def file(self) -> Path:
        """The path of the image."""
        return assets_dir() / "photos" / f"{self.name}.jpg"


@functools.lru_cache(maxsize=1)
def photos() -> tuple[Photo, ...]:
    """Return the bundled photographs in the order of the menu. Raise `UserError` if their list is missing."""
    entries = read_yaml(assets_dir() / "photos" / "photos.yaml")
    try:
        return tuple(
            Photo(name, entry["title"], entry["author"], entry["license"], entry["source"])
            for name, entry in entries.items()
        )
    except (AttributeError, KeyError, TypeError):
        raise UserError(
            "The list of the bundled photographs is broken: get a complete copy of the project."
        ) from None


@functools.lru_cache(maxsize=16)
def first_large(size: int) -> str:
    """Return the name of the first photograph that a model for this size need not enlarge, or nothing."""
    return next((photo.name for photo in photos() if min(check_header(photo.file).size) >= size), "")


def read_photos(size: int, preprocessing: Preprocessing) -> np.ndarray:
    """Return all photographs, cropped and resized for a model. -> uint8 [N, 3, size, size]"""
    return np.stack([read_photo(photo.file, size, preprocessing) for photo in photos()])


def no_labels(what: str, advice: str = "choose cifar10-mini, cifar10 or folder:PATH") -> UserError:
    """Return the error for a use of the photographs that needs labels, such as "A training"."""
    return UserError(f"{what} needs labels, which the bundled photographs do not have: {advice}.")
