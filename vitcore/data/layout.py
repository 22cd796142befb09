"""Decide which files of a folder are images, and to which class and split each belongs.

`scan` decides once, from the names in the folder. The command line, the page and the training use the same
`Listing`. These layouts are supported:

    PLACE/CLASS/**/IMAGE           every tenth image of a class is a test image
    PLACE/SPLIT/CLASS/**/IMAGE     SPLIT is a common name of a training, validation or test set
    PLACE/CLASS/SPLIT/**/IMAGE
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vitcore.data.folder import NAMED, Files, Listing, about_links
from vitcore.data.images import PHOTO_SUFFIXES
from vitcore.data.splitting import held_out, tenth, without
from vitcore.errors import UserError

SPLITS = {
    "train": {"train", "training", "trn", "tr", "learn"},
    "validation": {"val", "valid", "validation", "validate", "dev", "development"},
    "test": {"test", "testing", "tst", "eval", "evaluation", "holdout"},
}
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


def scan(place: Path) -> Listing:
    """Read the names in a folder, and decide which files are images of which class and split.

    Raise `UserError` if this is not a folder with at least two classes.
    """
    try:
        if not place.is_dir():
            raise UserError(f"There is no folder {str(place)[:300]}.")
    except (OSError, ValueError):  # a name too long for the file system, or a null byte
        raise UserError(f"There is no folder {str(place)[:300]}.") from None
    try:
        return _Scan(place).listing()
    except OSError as error:
        raise UserError(
            f"{error.filename or place} cannot be read ({error.strerror or error}): allow reading it, or "
            "remove it from the folder of images."
        ) from None


class _Scan:
    """The scan of one folder, with the files that it ignores and its remarks."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.ignored: Counter[str] = Counter()
        self.remarks: list[str] = []

    def listing(self) -> Listing:
        home = self._home()
        if splits := self._splits(home):
            self._count_loose(home)
            train, validation, test, layout = self._from_splits(splits)
        else:
            train, validation, test, layout = self._from_classes(home)
        if not any(validation.values()):
            validation = held_out(train)
            train = {name: without(files, validation[name]) for name, files in train.items()}
            layout += ", and a tenth of the others of each class are validation images"
        self._check(home, train, validation, test)
        return Listing(
            place=self.place,
            classes=tuple(train),
            train=train,
            validation=validation,
            test=test,
            layout=layout,
            ignored=self.ignored,
            remarks=tuple(self.remarks),
        )

    def _home(self) -> Path:
        """Return the folder that holds the classes or splits. Descend while a folder holds only another."""
        home = self.place
        while True:
            inner = _folders(home)
            if len(inner) != 1 or _images_in(home) or len(_folders(inner[0])) < 1:
                break
            home = inner[0]
        if home != self.place and len(_folders(home)) < 2:
            home = self.place
        if home != self.place:
            self.remarks.append(f"The images are taken from {home.relative_to(self.place)}.")
        return home

    def _splits(self, home: Path) -> dict[str, Path]:
        """Return the folders of the splits, or an empty dictionary if the folders are classes."""
        found: dict[str, Path] = {}
        others, unlabeled = [], []
        for folder in _folders(home):
            name = _split_of(folder.name)
            if name is None:
                others.append(folder)
            elif not any(_has_image(inner) for inner in _folders(folder)):
                unlabeled.append(folder)
            elif name in found:
                both = f"{found[name]} and {folder}"
                raise UserError(f"{both} both look like the {name} images: keep one of them, or rename it.")
            else:
                found[name] = folder
        if found and "train" not in found and not others and not unlabeled:
            names = " and ".join(folder.name for folder in found.values())
            raise UserError(f"{home} has {names}, but no training images: name their folder `train`.")
        if "train" not in found:
            return {}
        self._check_classes(home, found, others)
        for folder in (*others, *unlabeled):
            if count := sum(1 for _ in _walk(folder, Counter())):
                why = "has no class folders" if folder in unlabeled else "is not a split"
                self.remarks.append(f"{folder.name} {why}: its {count:,} images are left out.")
                self.ignored[f"images in {folder.name}"] += count
        return found

    def _check_classes(self, home: Path, found: dict[str, Path], others: list[Path]) -> None:
        """Raise `UserError` if the folders that are not splits hold more images than the splits.

        Then they are probably classes, one of which has the name of a split.
        """
        left = sum(1 for folder in others for _ in _walk(folder, Counter()))
        if left and left > (used := sum(1 for folder in found.values() for _ in _walk(folder, Counter()))):
            names = ", ".join(folder.name for folder in others[:NAMED])
            splits = " and ".join(folder.name for folder in found.values())
            raise UserError(
                f"{home} has {used:,} images in {splits}, which looks like a split, but {left:,} in other "
                f"folders ({names}): rename {splits} if it is a class, else move the other folders away."
            )

    def _from_splits(self, splits: dict[str, Path]) -> tuple[Files, Files, Files, str]:
        parts = {name: self._classes(folder) for name, folder in splits.items()}
        train = parts["train"]
        known = {name.casefold(): name for name in train}
        for split in ("validation", "test"):
            given, parts[split] = parts.get(split, {}), dict.fromkeys(train, ())
            for name, files in given.items():
                if (ours := name if name in train else known.get(name.casefold())) is None:
                    self.remarks.append(
                        f"{splits[split].name} has a class {name} that {splits['train'].name} does not have: "
                        f"its {len(files):,} images are left out."
                    )
                    self.ignored[f"images of classes without training images ({splits[split].name})"] += len(
                        files
                    )
                else:
                    parts[split][ours] = files
        layout = (
            f"Folders {', '.join(folder.name for folder in splits.values())} with a folder for each class"
        )
        if not any(parts["test"].values()):
            parts["test"] = {name: tenth(files) for name, files in train.items()}
            train = {name: without(files, parts["test"][name]) for name, files in train.items()}
            layout += f". Every tenth image of a class in {splits['train'].name} is a test image"
        return train, parts["validation"], parts["test"], layout

    def _from_classes(self, home: Path) -> tuple[Files, Files, Files, str]:
        classes = self._classes(home)
        if inner := self._splits_in_classes(home, classes):
            return *inner, "A folder for each class, with folders for the splits in it"
        test = {name: tenth(files) for name, files in classes.items()}
        train = {name: without(files, test[name]) for name, files in classes.items()}
        layout = "A folder for each class. Every tenth image of a class is a test image"
        return train, dict.fromkeys(classes, ()), test, layout

    def _splits_in_classes(self, home: Path, classes: Files) -> tuple[Files, Files, Files] | None:
        """Sort the images by the split folders inside the class folders. Return None for other layouts."""
        parts: dict[str, dict[str, list[Path]]] = {split: {name: [] for name in classes} for split in SPLITS}
        for name, files in classes.items():
            for file in files:
                inner = file.relative_to(home).parts[1:-1]
                split = _split_of(inner[0]) if inner else None
                if split is None:
                    return None
                parts[split][name].append(file)
        if not all(parts["train"].values()) or not any(parts["test"].values()):
            return None
        train, validation, test = (
            {name: tuple(files) for name, files in parts[split].items()} for split in SPLITS
        )
        return train, validation, test

    def _classes(self, home: Path) -> Files:
        """Return the images of each class folder that contains images."""
        found: Files = {}
        empty = []
        folders = _folders(home)
        real = {os.path.realpath(folder): folder for folder in reversed(folders)}
        real |= {os.path.realpath(folder): folder for folder in folders if not folder.is_symlink()}
        for folder in folders:
            if (other := real[os.path.realpath(folder)]) != folder:
                self.remarks.append(
                    f"{folder.name} is left out, because it is the same folder as {other.name}."
                )
                continue
            files = tuple(sorted(_walk(folder, self.ignored), key=os.fsencode))
            if files:
                found[_label(folder.name, found)] = files
            else:
                empty.append(_label(folder.name, {}))
        if empty:
            names = ", ".join(empty[:NAMED]) + (
                f" and {len(empty) - NAMED} more" if len(empty) > NAMED else ""
            )
            self.remarks.append(f"Left out, because they contain no images: {names}.")
        self._count_loose(home)
        return found

    def _count_loose(self, home: Path) -> None:
        if loose := len(_images_in(home)):
            self.ignored[f"images in {home.name} outside of its folders"] += loose

    def _check(self, home: Path, train: Files, validation: Files, test: Files) -> None:
        if len(train) < 2:
            loose = len(_images_in(home))
            hint = f" and {loose:,} images outside of such folders" if loose else ""
            left = "".join(f" {line}" for line in self.remarks)
            raise UserError(
                f"{home} needs at least two folders, each with the images of one class, but it has "
                f"{len(train)}{hint}.{left}"
            )
        for name, files in train.items():
            if not files:
                raise UserError(
                    f"The class {name} in {home} needs at least two images: add some, or remove its folder."
                )
        if not any(validation.values()) or not any(test.values()):
            raise UserError(f"{self.place} has too few images to split into training, validation and test.")
        if remark := about_links(self.place, (train, validation, test)):
            self.remarks.append(remark)
        for split, part in (("validation", validation), ("test", test)):
            if missing := [name for name in train if not part.get(name)]:
                self.remarks.append(f"No {split} image of {', '.join(missing[:NAMED])}.")


def _folders(place: Path) -> list[Path]:
    """Return the folders in a folder that are not hidden, sorted by name."""
    found = [  # not entry.is_dir(): it fails for a link to itself
        Path(entry.path)
        for entry in os.scandir(place)
        if os.path.isdir(entry.path) and not _is_leftover(entry.name)
    ]
    return sorted(found, key=os.fsencode)


def _images_in(place: Path) -> list[Path]:
    return [
        Path(entry.path)
        for entry in os.scandir(place)
        if os.path.isfile(entry.path)
        and not _is_leftover(entry.name)
        and _suffix(entry.name) in PHOTO_SUFFIXES
    ]


def _has_image(folder: Path) -> bool:
    return next(_walk(folder, Counter()), None) is not None


def _walk(folder: Path, ignored: Counter[str]) -> Iterator[Path]:
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


def _split_of(name: str) -> str | None:
    """Return the split that the name of a folder denotes: "train" for "Training_set"."""
    words = [word for word in re.split(r"[\s_.\-]+", name.lower()) if word]
    words = [word for word in words if word not in ("set", "data", "images", "imgs", "split")]
    if len(words) != 1:
        return None
    word = re.sub(r"(set|data)$", "", words[0]) or words[0]
    return next((split for split, names in SPLITS.items() if word in names), None)


def _label(name: str, taken: Files) -> str:
    """Return a unique label for a folder: its name as text, even if its bytes are not UTF-8."""
    text = os.fsencode(name).decode("utf-8", "replace")
    label, number = text, 2
    while label in taken:
        label, number = f"{text} ({number})", number + 1
    return label
