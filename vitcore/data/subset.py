"""Folders that have some of the classes of a model, such as three of ImageNet's thousand. Needs no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vitcore.data.datasets import Dataset, Split


def within(data: Dataset, classes: tuple[str, ...] | None) -> Dataset:
    """Return a dataset with the classes of a model if its own are among them, otherwise unchanged."""
    places = places_of(data.classes, classes) if classes and classes != data.classes else None
    if classes is None or places is None:
        return data

    def relabeled(split: Split) -> Split:
        return replace(split, labels=places[split.labels])

    return replace(
        data,
        classes=classes,
        read_train=lambda: relabeled(data.train),
        read_test=lambda: relabeled(data.test),
    )


def places_of(some: Sequence[str], classes: Sequence[str]) -> np.ndarray | None:
    """Return the index of each class of `some` among `classes`, int64, or None if one of them is not there.

    Names are compared without regard to capitals and underscores, and up to their first comma: the folder
    `great_white_shark` is ImageNet's `great white shark, white shark, ...`. A name that two classes share
    must be written as it is.
    """
    exact = {name: number for number, name in enumerate(classes)}
    spelled = [_spelled(name) for name in classes]
    counts = Counter(spelled)
    loose = {name: number for number, name in enumerate(spelled) if counts[name] == 1}
    found = [exact.get(name, loose.get(_spelled(name))) for name in some]
    if None in found or len(set(found)) < len(found):
        return None
    return np.array(found, dtype=np.int64)


def _spelled(name: str) -> str:
    return name.partition(",")[0].replace("_", " ").strip().casefold()
