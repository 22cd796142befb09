"""A user's own dataset: a folder of images, which of them can be read, and their pixels.

`vitcore.data.layout` decides which files are used. Needs numpy and pillow, no torch.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from vitcore.data.images import check_photo, read_photo, shown_path
from vitcore.errors import UserError
from vitcore.preprocessing import DEFAULT, Preprocessing

DECODED = 2_000  # number of images that a check decodes; it reads only header and end of the others
NAMED = 5  # maximum number of files that a message names

Result = TypeVar("Result")
Files = dict[str, tuple[Path, ...]]  # image files by the name of their class


@dataclass(frozen=True)
class Unreadable:
    """An image file that cannot be read, or a folder, and why: a sentence, and the error of the system."""

    file: Path
    reason: str
    detail: str = ""

    @classmethod
    def because_of(cls, path: Path, detail: str) -> Unreadable:
        """Return the entry for an error of the operating system."""
        return cls(
            path, f"{shown_path(path)} cannot be read ({detail}): allow reading it, or remove it.", detail
        )


@dataclass(frozen=True)
class Listing:
    """The contents of a folder: images by split and class, and what is left out.

    `layout` describes how the folder was interpreted. `ignored` counts the files left out by
    reason. `remarks` are sentences about possible mistakes in the folder. `unreadable` are the entries
    that could not be looked at. Like damaged images, they prevent a training that does not skip them.
    """

    place: Path
    classes: tuple[str, ...]
    train: Files
    validation: Files
    test: Files
    layout: str
    ignored: Counter[str] = field(default_factory=Counter)
    remarks: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All image files, in a fixed order."""
        parts = (self.train, self.validation, self.test)
        return tuple(file for part in parts for files in part.values() for file in files)

    @property
    def found(self) -> int:
        """The number of images, and of entries that could not be looked at."""
        return len(self.files) + len(self.unreadable)

    def without(self, unreadable: list[Unreadable]) -> Listing:
        """Return the listing without these files.

        Raise `UserError` if a class then has no training image, or if no validation or test image is left.
        """
        if not unreadable:
            return self
        gone = {fault.file for fault in unreadable}
        kept = [
            {name: tuple(f for f in files if f not in gone) for name, files in part.items()}
            for part in (self.train, self.validation, self.test)
        ]
        for name, files in kept[0].items():
            if not files:
                raise UserError(f"None of the training images of class {name} in {self.place} can be read.")
        train, validation, test = kept
        for split, part in (("validation", validation), ("test", test)):
            if not any(part.values()):
                raise UserError(f"None of the {split} images in {self.place} can be read: repair some.")
        count = Counter({"they cannot be read": len(gone)})
        ignored = self.ignored + count
        return replace(self, train=train, validation=validation, test=test, ignored=ignored, unreadable=())

    def lines(self) -> list[str]:
        """Return the report for the command line and the page, a sentence per line."""
        counts = [
            f"{sum(map(len, part.values())):,} {name}"
            for name, part in (
                ("training", self.train),
                ("validation", self.validation),
                ("test", self.test),
            )
        ]
        used = f"{counts[0]}, {counts[1]} and {counts[2]} images in {len(self.classes)} classes."
        left_out = [f"{count:,} left out: {reason}." for reason, count in sorted(self.ignored.items())]
        unreadable = [about_unreadable(self.place, self.unreadable)] if self.unreadable else []
        return [f"{self.layout}: {used}", *self.remarks, *unreadable, *left_out]


def stamp(listing: Listing) -> tuple[tuple[bytes, int, int], ...]:
    """Return (path, bytes, modification time) of every image, which changes when the images change.

    Paths are bytes, because Streamlit cannot hash text that is not UTF-8.
    """
    entries = []
    for file in listing.files:
        try:
            entry = file.stat()
        except OSError:
            continue
        entries.append((os.fsencode(file), entry.st_size, entry.st_mtime_ns))
    return tuple(entries)


def check(
    listing: Listing,
    *,
    decode_all: bool = False,
    report: Callable[[int], None] = lambda done: None,
    plain: list[Path] | None = None,
) -> list[Unreadable]:
    """Return all images of a folder that cannot be read, after the entries that could not be looked at.

    The first 2,000 images are decoded, or all with `decode_all`. Only header and end of the others are read.
    `report` is called with the number of images after each of them. Decoded images of a single color are
    appended to `plain`.
    """

    def reason(number: int, file: Path) -> Unreadable | None:
        try:
            varies = check_photo(file, decode=decode_all or number < DECODED)
            if plain is not None and not varies:
                plain.append(file)
        except UserError as error:
            return Unreadable(file, str(error))
        return None

    found = list(listing.unreadable)
    for done, unreadable in enumerate(in_threads(reason, listing.files), start=1):
        report(done)
        if unreadable:
            found.append(unreadable)
    return found


def about_links(place: Path, parts: Iterable[Files]) -> str:
    """Return a remark on files that are used several times under different names, or an empty string."""
    first: dict[tuple[int, int], Path] = {}
    repeated = []
    for file in (file for part in parts for files in part.values() for file in files):
        try:
            about = file.stat()
        except OSError:  # removed in the meantime
            continue
        if about.st_ino and (other := first.setdefault((about.st_dev, about.st_ino), file)) != file:
            repeated.append((other, file))
    if not repeated:
        return ""
    one, again = (shown_path(file.relative_to(place)) for file in repeated[0])
    return (
        f"{len(repeated):,} images are used several times, because they are links to the same file, such as "
        f"{one} and {again}."
    )


def about_unreadable(place: Path, unreadable: Sequence[Unreadable]) -> str:
    """Return a sentence about entries of a folder that could not be looked at, or an empty string."""
    if not unreadable:
        return ""
    named = [f"{shown_path(fault.file.relative_to(place))} ({fault.detail})" for fault in unreadable[:NAMED]]
    more = f" and {len(unreadable) - NAMED:,} more" if len(unreadable) > NAMED else ""
    return f"{len(unreadable):,} cannot be read: {', '.join(named)}{more}."


def about_plain(listing: Listing, plain: list[Path]) -> str:
    """Return a warning about images of a single color."""
    names = ", ".join(shown_path(file.relative_to(listing.place)) for file in sorted(plain)[:NAMED])
    more = f" and {len(plain) - NAMED:,} more" if len(plain) > NAMED else ""
    return f"These images have only a single color: {names}{more}. Check that they were saved correctly."


def refuse(listing: Listing, unreadable: list[Unreadable]) -> UserError:
    """Return the error for images that cannot be read: how many, which, and what to do."""
    names = [shown_path(fault.file.relative_to(listing.place)) for fault in unreadable[:NAMED]]
    more = f" and {len(unreadable) - NAMED:,} more" if len(unreadable) > NAMED else ""
    if len(unreadable) == 1:
        return UserError(f"{unreadable[0].reason.rstrip('.')}, or leave it out with `skip_broken=true`.")
    folders = " and folders" if listing.unreadable else ""
    return UserError(
        f"{len(unreadable):,} of {listing.found:,} images{folders} in {listing.place} cannot be read: "
        f"{', '.join(names)}{more}. Repair or remove them, or leave them out with `skip_broken=true`."
    )


def read(
    listing: Listing, files: Files, size: int, preprocessing: Preprocessing = DEFAULT
) -> tuple[np.ndarray, np.ndarray]:
    """Decode the images of a split. -> (uint8 [N, 3, size, size], labels int64 [N])

    Raise one `UserError` for all images that cannot be read.
    """
    paths, labels = labeled(listing, files)

    def pixels(_: int, file: Path) -> np.ndarray | Unreadable:
        try:
            return read_photo(file, size, preprocessing)
        except UserError as error:
            return Unreadable(file, str(error))

    images: list[np.ndarray] = []
    unreadable = list(listing.unreadable)
    for decoded in in_threads(pixels, paths):
        if isinstance(decoded, Unreadable):
            unreadable.append(decoded)
        else:
            images.append(decoded)
    if unreadable:
        raise refuse(listing, unreadable)
    return np.stack(images), labels


def labeled(listing: Listing, files: Files) -> tuple[list[Path], np.ndarray]:
    """Return the files of a split in their order, and the labels int64 [N]."""
    pairs = [(file, listing.classes.index(name)) for name, members in files.items() for file in members]
    return [file for file, _ in pairs], np.array([label for _, label in pairs], dtype=np.int64)


def in_threads(
    work: Callable[[int, Path], Result],
    files: list[Path] | tuple[Path, ...],
) -> Iterator[Result]:
    """Yield `work(number, file)` for each file in order. Pillow releases the GIL while it decodes."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        yield from pool.map(work, range(len(files)), files)
