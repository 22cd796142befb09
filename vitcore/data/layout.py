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
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from vitcore.data.entries import Faults, folders_in, has_image, images_in, walk
from vitcore.data.folder import NAMED, Files, Listing, Unreadable, about_links, about_unreadable
from vitcore.data.images import shown_path
from vitcore.data.splitting import held_out, tenth, without
from vitcore.errors import UserError

SPLITS = {
    "train": {"train", "training", "trn", "tr", "learn"},
    "validation": {"val", "valid", "validation", "validate", "dev", "development"},
    "test": {"test", "testing", "tst", "eval", "evaluation", "holdout"},
}


def scan(place: Path) -> Listing:
    """Read the names in a folder, and decide which files are images of which class and split.

    Raise `UserError` if this is not a folder with at least two classes.
    """
    try:
        if place.is_file():
            zipped = place.suffix.lower() == ".zip"
            advice = "unzip it, and give the folder" if zipped else "give the folder that holds the images"
            raise UserError(
                f"{str(place)[:300]} is a {'zip ' if zipped else ''}file, not a folder: {advice}."
            )
        if not place.is_dir():
            raise UserError(f"There is no folder {str(place)[:300]}.")
    except (OSError, ValueError):  # a name too long for the file system, or a null byte
        raise UserError(f"There is no folder {str(place)[:300]}.") from None
    try:
        os.scandir(place).close()
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
        self.faults: Faults = {}
        self.expected: set[Path] = set()  # the folders in which the layout expects images
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
            unreadable=self._unreadable(),
        )

    def _unreadable(self) -> tuple[Unreadable, ...]:
        faults = sorted(self.faults.items(), key=lambda fault: os.fsencode(fault[0]))
        return tuple(Unreadable.because_of(path, detail) for path, detail in faults)

    def _home(self) -> Path:
        """Return the folder that holds the classes or splits. Descend while a folder holds only another."""
        home = self.place
        while True:
            inner = folders_in(home, self.faults)
            if len(inner) != 1 or images_in(home, self.faults) or len(folders_in(inner[0], self.faults)) < 1:
                break
            home = inner[0]
        if home != self.place and len(folders_in(home, self.faults)) < 2:
            home = self.place
        if home != self.place:
            inner = home.relative_to(self.place)
            split = next((kind for part in inner.parts if (kind := _split_of(part))), "train")
            doubt = "" if split == "train" else f" Its name says that these are only the {split} images."
            self.remarks.append(f"The images are taken from {shown_path(inner)}.{doubt}")
        return home

    def _splits(self, home: Path) -> dict[str, Path]:
        """Return the folders of the splits, or an empty dictionary if the folders are classes."""
        found: dict[str, Path] = {}
        others, unlabeled = [], []
        for folder in folders_in(home, self.faults):
            name = _split_of(folder.name)
            if name is None:
                others.append(folder)
            elif not any(has_image(inner, self.faults) for inner in folders_in(folder, self.faults)):
                if fault := next(
                    (fault for fault in self._unreadable() if fault.file.is_relative_to(folder)), None
                ):
                    raise UserError(fault.reason)  # these may be all the training images
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
            self._doubt_names(home, [*found.values(), *unlabeled] if not others else unlabeled, others)
            return {}
        self._check_classes(home, found, others)
        for folder in (*others, *unlabeled):
            count = sum(1 for _ in walk(folder, Counter(), {}))
            if not count and folder in unlabeled:
                self.remarks.append(f"{folder.name} is left out, because it contains no images.")
            if count:
                why = "has no class folders" if folder in unlabeled else "is not a split"
                self.remarks.append(f"{folder.name} {why}: its {count:,} images are left out.")
                self.ignored[f"images in {folder.name}"] += count
        return found

    def _doubt_names(self, home: Path, named: list[Path], others: list[Path]) -> None:
        """Remark on classes with the names of splits. Raise `UserError` if there are no other classes."""
        names = " and ".join(folder.name for folder in named)
        if len(named) > 1 and not others:
            raise UserError(
                f"{home} has {names}, which look like splits, but some have no class folders: sort the "
                "images of each into a folder for each class."
            )
        if named and others:
            use = "each of them is" if named[1:] else "it is"
            self.remarks.append(
                f"There are no class folders in {names}, so {use} used as a class, not a split."
            )

    def _check_classes(self, home: Path, found: dict[str, Path], others: list[Path]) -> None:
        """Raise `UserError` if the folders that are not splits hold more images than the splits.

        Then they are probably classes, one of which has the name of a split.
        """
        left = sum(1 for folder in others for _ in walk(folder, Counter(), {}))
        if left and left > (used := sum(1 for folder in found.values() for _ in walk(folder, Counter(), {}))):
            names = ", ".join(folder.name for folder in others[:NAMED])
            splits = " and ".join(folder.name for folder in found.values())
            raise UserError(
                f"{home} has {used:,} images in {splits}, which looks like a split, but {left:,} in other "
                f"folders ({names}): rename {splits} if it is a class, else move the other folders away."
            )

    def _from_splits(self, splits: dict[str, Path]) -> tuple[Files, Files, Files, str]:
        parts = {name: self._classes(folder) for name, folder in splits.items()}
        train = parts["train"]
        known = {_spelling(name): name for name in train}
        for split in ("validation", "test"):
            given, parts[split] = parts.get(split, {}), dict.fromkeys(train, ())
            for name, files in given.items():
                if (ours := name if name in train else known.get(_spelling(name))) is None:
                    self.remarks.append(
                        f"{splits[split].name} has a class {name} that {splits['train'].name} does not have: "
                        f"its {len(files):,} images are left out."
                    )
                    self.ignored[f"images of classes without training images ({splits[split].name})"] += len(
                        files
                    )
                else:
                    parts[split][ours] += files  # two of them may have this spelling
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
        self._compare_inner_folders(home, classes)
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
                self.expected.add(home.joinpath(*file.relative_to(home).parts[:2]))
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
        folders = folders_in(home, self.faults)
        real = {os.path.realpath(folder): folder for folder in reversed(folders)}
        real |= {os.path.realpath(folder): folder for folder in folders if not os.path.islink(folder)}
        for folder in folders:
            if (other := real[os.path.realpath(folder)]) != folder:
                self.remarks.append(
                    f"{folder.name} is left out, because it is the same folder as {other.name}."
                )
                continue
            files = tuple(sorted(walk(folder, self.ignored, self.faults), key=os.fsencode))
            self.expected.add(folder)
            if files:
                found[_label(folder.name, found)] = files
            elif folder not in self.faults:
                empty.append(_label(folder.name, {}))
        if empty:
            names = ", ".join(empty[:NAMED]) + (
                f" and {len(empty) - NAMED} more" if len(empty) > NAMED else ""
            )
            self.remarks.append(f"Left out, because they contain no images: {names}.")
        self._count_loose(home)
        return found

    def _compare_inner_folders(self, home: Path, classes: Files) -> None:
        """Remark on classes that all contain folders of the same names: they may be splits."""
        inner = [
            {_spelling(parts[1]) for file in files if len(parts := file.relative_to(home).parts) > 2}
            for files in classes.values()
        ]
        if len(inner) < 2 or len(common := set.intersection(*inner)) < 2:
            return
        names = ", ".join(sorted(common)[:NAMED])
        self.remarks.append(
            f"{' and '.join(list(classes)[:NAMED])} are used as classes, but contain folders of the same "
            f"names ({names}): if they are splits, name them `train` and `test`."
        )

    def _compare_names(self, names: Iterable[str]) -> None:
        """Remark on classes whose names differ only in their spelling."""
        alike: dict[str, list[str]] = {}
        for name in names:
            alike.setdefault(_spelling(name), []).append(name)
        for same in (group for group in alike.values() if len(group) > 1):
            self.remarks.append(
                f"{' and '.join(same[:NAMED])} differ only in their spelling, but are {len(same)} classes: "
                "move their images into one folder if they are the same."
            )

    def _compare_depths(self, parts: tuple[Files, ...]) -> None:
        """Remark on images that are deeper in the folders of the classes than the layout expects."""
        files = [file for part in parts for members in part.values() for file in members]
        deep = [file.parent for file in files if file.parent not in self.expected]
        if deep:
            inner = sorted({shown_path(folder.relative_to(self.place)) for folder in deep})
            more = f" and {len(inner) - NAMED:,} more" if len(inner) > NAMED else ""
            self.remarks.append(
                f"{len(deep):,} images are in folders inside of class folders and belong to these classes: "
                f"{', '.join(inner[:NAMED])}{more}."
            )

    def _count_loose(self, home: Path) -> None:
        if loose := len(images_in(home, self.faults)):
            self.ignored[f"images in {home.name} outside of its folders"] += loose

    def _check(self, home: Path, train: Files, validation: Files, test: Files) -> None:
        if len(train) < 2:
            loose = len(images_in(home, self.faults))
            hint = f" and {loose:,} images outside of such folders" if loose else ""
            more = about_unreadable(self.place, self._unreadable())
            left = "".join(f" {line}" for line in (*self.remarks, more) if line)
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
        self._compare_names(train)
        self._compare_depths((train, validation, test))
        if remark := about_links(self.place, (train, validation, test)):
            self.remarks.append(remark)
        for split, part in (("validation", validation), ("test", test)):
            if missing := [name for name in train if not part.get(name)]:
                self.remarks.append(f"No {split} image of {', '.join(missing[:NAMED])}.")


def _split_of(name: str) -> str | None:
    """Return the split that the name of a folder denotes: "train" for "Training_set"."""
    words = [word for word in re.split(r"[\s_.\-]+", name.lower()) if word]
    words = [word for word in words if word not in ("set", "data", "images", "imgs", "split")]
    if len(words) != 1:
        return None
    word = re.sub(r"(set|data)$", "", words[0]) or words[0]
    return next((split for split, names in SPLITS.items() if word in names), None)


def _spelling(name: str) -> str:
    """Return what is equal for names that differ only in capitals, spaces or the encoding of letters."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _label(name: str, taken: Files) -> str:
    """Return a unique label for a folder: its name as text, even if its bytes are not UTF-8."""
    text = os.fsencode(name).decode("utf-8", "replace")
    label, number = text, 2
    while label in taken:
        label, number = f"{text} ({number})", number + 1
    return label
