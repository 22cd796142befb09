"""Find the folders and the images below a folder, without what file managers and notebooks leave behind.

What cannot be read is recorded in `faults` and left out, so that one entry does not hide all the others.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vitcore.data.images import PHOTO_SUFFIXES
from vitcore.errors import UserError

Faults = dict[Path, str]  # the reason why a folder or a file cannot be read
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


def folders_in(place: Path, faults: Faults) -> list[Path]:
    """Return the folders in a folder that are not hidden, sorted by name."""
    found = []
    for entry in _entries(place, faults):
        if _is_leftover(entry.name):
            continue
        path = Path(entry.path)
        # is_dir() fails for a link to itself
        linked = entry.is_symlink() and stat.S_ISDIR(_mode(path, faults))
        if linked or entry.is_dir(follow_symlinks=False):
            found.append(path)
    return sorted(found, key=os.fsencode)


def images_in(place: Path, faults: Faults) -> list[Path]:
    """Return the images directly in a folder."""
    names = [Path(entry.path) for entry in _entries(place, faults) if _is_image(entry.name)]
    return [path for path in names if stat.S_ISREG(_mode(path, faults))]


def has_image(folder: Path, faults: Faults) -> bool:
    """Return whether there is an image in a folder, at any depth."""
    return next(walk(folder, Counter(), faults), None) is not None


def walk(folder: Path, ignored: Counter[str], faults: Faults) -> Iterator[Path]:
    """Yield the images in a folder at any depth, and count the other files by reason. Follow links.

    Raise `UserError` for a folder that is obviously not a dataset, such as the root of the file system, which
    would take minutes to read.
    """
    seen = set()
    images = others = 0

    def record(error: OSError) -> None:
        if error.errno == errno.ENOENT:
            ignored["removed while the folder was read"] += 1
        _record(Path(error.filename), error, faults)

    for place, inner, files in os.walk(folder, onerror=record, followlinks=True):
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
                if not stat.S_ISREG(_mode(file := Path(place, name), faults)):
                    if file not in faults:
                        ignored["not a file, or a broken link"] += 1
                    continue
                images, others = images + 1, others - 1
                yield file
            elif suffix in OTHER_IMAGES:
                ignored[f"{suffix} ({OTHER_IMAGES[suffix]})"] += 1
            else:
                ignored[f"not an image ({suffix or 'no suffix'})"] += 1


def _entries(place: Path, faults: Faults) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as found:
            return list(found)
    except OSError as error:
        _record(place, error, faults)
        return []


def _mode(path: Path, faults: Faults) -> int:
    """Return the mode of what a path leads to, 0 for a broken link and for what cannot be looked at."""
    try:
        return os.stat(path).st_mode
    except OSError as error:
        _record(path, error, faults)
        return 0


def _record(path: Path, error: OSError, faults: Faults) -> None:
    """Record why a path cannot be read, unless it is a broken link or was removed in the meantime."""
    if error.errno not in (errno.ENOENT, errno.ELOOP):
        faults[path] = error.strerror or str(error)


def _is_image(name: str) -> bool:
    return not _is_leftover(name) and _suffix(name) in PHOTO_SUFFIXES


def _is_leftover(name: str) -> bool:
    return name.startswith(".") or name.lower() in LEFTOVERS


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()
