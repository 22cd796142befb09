"""Find the folders and the images below a folder, without what file managers and notebooks leave behind."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vitcore.data.images import PHOTO_SUFFIXES
from vitcore.errors import UserError

MOST_OTHERS = 100_000  # files that are no images, if images are less than a tenth of them
LEFTOVERS = {"__macosx", "__pycache__", "@eadir", "thumbs.db", "desktop.ini", "$recycle.bin", "lost+found"}
OTHER_IMAGES = {
    ".heic": "HEIC, convert them to JPEG",
    ".heif": "HEIF, convert them to JPEG",
    ".svg": "drawings without pixels",
    ".raw": "raw photos, convert them to JPEG",
    ".dng": "raw photos, convert them to JPEG",
    ".nef": "raw photos, convert them to JPEG",
    ".cr2": "raw photos, convert them to JPEG",
    ".arw": "raw photos, convert them to JPEG",
}


def folders_in(place: Path) -> list[Path]:
    """Return the folders in a folder that are not hidden, sorted by name."""
    found = [  # not entry.is_dir(): it fails for a link to itself
        Path(entry.path)
        for entry in os.scandir(place)
        if os.path.isdir(entry.path) and not _is_leftover(entry.name)
    ]
    return sorted(found, key=os.fsencode)


def images_in(place: Path) -> list[Path]:
    """Return the images directly in a folder."""
    return [
        Path(entry.path)
        for entry in os.scandir(place)
        if os.path.isfile(entry.path)
        and not _is_leftover(entry.name)
        and _suffix(entry.name) in PHOTO_SUFFIXES
    ]


def has_image(folder: Path) -> bool:
    """Return whether there is an image in a folder, at any depth."""
    return next(walk(folder, Counter()), None) is not None


def walk(folder: Path, ignored: Counter[str]) -> Iterator[Path]:
    """Yield the images in a folder at any depth, and count the other files by reason. Follow links.

    Raise `UserError` for a folder that is obviously not a dataset, such as the root of the file system, which
    would take minutes to read.
    """
    seen = set()
    images = others = 0
    for place, inner, files in os.walk(folder, onerror=_raise, followlinks=True):
        if (real := os.path.realpath(place)) in seen:  # a link to a folder above
            inner.clear()
            continue
        seen.add(real)
        inner[:] = [name for name in inner if not _is_leftover(name)]
        if others > max(MOST_OTHERS, 10 * images):
            raise UserError(
                f"{folder} has more than {MOST_OTHERS:,} files that are not images: choose a folder that "
                "contains only the images."
            )
        others += len(files)
        for name in files:
            suffix = _suffix(name)
            if _is_leftover(name):
                ignored["hidden or system files"] += 1
            elif suffix in PHOTO_SUFFIXES:
                if not os.path.isfile(file := Path(place, name)):
                    ignored["not a file, or a broken link"] += 1
                    continue
                images, others = images + 1, others - 1
                yield file
            elif suffix in OTHER_IMAGES:
                ignored[f"{suffix} ({OTHER_IMAGES[suffix]})"] += 1
            else:
                ignored[f"not an image ({suffix or 'no suffix'})"] += 1


def _raise(error: OSError) -> None:
    raise error


def _is_leftover(name: str) -> bool:
    return name.startswith(".") or name.lower() in LEFTOVERS


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()
