"""Which images of a class become validation and test images, if a folder has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vitcore.data.folder import Files

VALIDATION_SHARE = 0.1
SPLIT_SEED = 42


def tenth(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return every tenth file, or the last of fewer than ten."""
    return files[9::10] or files[-1:]


def without(files: tuple[Path, ...], taken: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the files that are not taken."""
    chosen = set(taken)
    return tuple(file for file in files if file not in chosen)


def held_out(train: Files) -> Files:
    """Return a tenth of the images of each class, drawn with seed 42, but at least one of two or more."""
    held: Files = {}
    for name, files in train.items():
        count = max(round(VALIDATION_SHARE * len(files)), 1) if len(files) > 1 else 0
        order = np.random.default_rng(SPLIT_SEED).permutation(len(files))
        chosen = set(order[:count].tolist())
        held[name] = tuple(file for i, file in enumerate(files) if i in chosen)
    return held
