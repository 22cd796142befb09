"""The names of curves: which tags of other programs are accuracy, loss and epochs. Does not import torch.

`canonical` gives curves of other programs the tags that ViT Lab writes, so that one chart shows both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from vitcore.runs.metrics import Curve, Scalars

# The rules. A tag is split into words: `Accuracy/test`, `val_acc` and `epochLoss` have two each. It is
# recognized if all its words are known, and it has the words of exactly one quantity.
QUANTITIES = {
    "acc": {"acc", "acc1", "accuracy", "top1"},
    "loss": {"loss", "xent", "crossentropy"},
    "epoch": {"epoch"},
    "lr": {"lr", "learningrate"},
}
SPLITS = {
    "train": {"train", "training"},
    "val": {"val", "valid", "validation", "eval", "evaluation", "dev"},
    "test": {"test", "testing"},
}
DETAILS = {
    "epoch",
    "step",
    "batch",
    "iteration",
    "iterations",
    "vs",
    "mean",
    "avg",
    "average",
    "categorical",
    "sparse",
    "binary",
    "top",
    "1",
    "cross",
    "entropy",
}
OURS = {"train_acc", "val_acc", "test_acc"}  # charts write these in percent
MOST_COUNTED = 10  # whole numbers of at most this, and more than 1, are not an accuracy in percent
FREQUENT = {"step", "batch", "iteration"}  # a tag without these is preferred

READABLE = {
    "lr": "learning rate",
    "train_acc": "training accuracy",
    "val_acc": "validation accuracy",
    "test_acc": "test accuracy",
    "train_loss": "training cross-entropy",
    "val_loss": "validation cross-entropy",
    "test_loss": "test cross-entropy",
}


def readable(tag: str) -> str:
    """Return the name of a curve as pages show it. Unknown tags are returned unchanged."""
    return READABLE.get(tag, tag)


def _words(text: str) -> list[str]:
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return re.findall(r"[a-z]+\d*|\d+", parts.lower())


def recognized(tag: str, folder: str = "") -> tuple[str, str] | None:
    """Return the quantity and the split of a tag, such as ("acc", "val"), or None if it is unknown.

    Keras writes the same tags to the folders `train` and `validation`. If the tag names no split, the last
    part of `folder` may name it. Otherwise the curve is from training.
    """
    text = re.sub(r"learning[ _/-]?rate", "learningrate", tag, flags=re.IGNORECASE)
    text = re.sub(r"cross[ _/-]?entropy", "crossentropy", text, flags=re.IGNORECASE)
    words = set(_words(text))
    known = DETAILS.union(*QUANTITIES.values(), *SPLITS.values())
    if not words or not words <= known:
        return None
    quantities = [name for name, names in QUANTITIES.items() if names & words and name != "epoch"]
    if not quantities and "epoch" in words and words <= {"epoch"} | SPLITS["train"]:
        quantities = ["epoch"]
    if len(quantities) != 1:
        return None
    for names in (words, set(_words(folder.rpartition("/")[2]))):
        if splits := [split for split, known in SPLITS.items() if known & names]:
            return (quantities[0], splits[0]) if len(splits) == 1 else None
    return quantities[0], "train"


def _rank(tag: str, name: str, split: str) -> tuple[bool, bool, bool, int, str]:
    """Return the order in which the tags for one `name` are preferred. The same name comes first."""
    return tag != name, split == "test", bool(FREQUENT & set(_words(tag))), len(tag), tag


def assign(tags: Iterable[str], folder: str = "") -> dict[str, str]:
    """Return {tag of ViT Lab: tag of the file}. Without validation, a test curve takes its place."""
    candidates: dict[str, list[tuple[bool, bool, bool, int, str]]] = {}
    for tag in tags:
        if (found := recognized(tag, folder)) is None:
            continue
        quantity, split = found
        role = "val" if split == "test" else split
        name = quantity if quantity in ("epoch", "lr") else f"{role}_{quantity}"
        candidates.setdefault(name, []).append(_rank(tag, name, split))
    return {name: min(ranked)[-1] for name, ranked in candidates.items()}


def canonical(scalars: Scalars, folder: str = "") -> Scalars:
    """Return the curves of another program under the tags of ViT Lab. Unknown tags keep their names.

    Accuracies become fractions: one with a value above 1 and none above 100 is taken as percent. A curve
    that is neither is not an accuracy and keeps its name.
    """
    shares = {
        raw: curve
        for raw, curve in scalars.curves.items()
        if (recognized(raw, folder) or ("",))[0] != "acc" or _is_share(curve.values)
    }
    new_names = {raw: name for name, raw in assign(shares, folder).items()}
    new_names |= {raw: f"{raw} (not a share)" for raw in OURS & scalars.curves.keys() - shares.keys()}
    curves: dict[str, Curve] = {}
    rewound: dict[str, list[Curve]] = {}
    for raw, curve in scalars.curves.items():
        name = new_names.get(raw, raw)
        scale = _scale(curve.values) if name.endswith("_acc") else 1.0
        curves[name] = _scaled(curve, scale)
        if raw in scalars.rewound:
            rewound[name] = [_scaled(piece, scale) for piece in scalars.rewound[raw]]
    return Scalars(curves, rewound, scalars.damaged)


def _scaled(curve: Curve, scale: float) -> Curve:
    return curve if scale == 1 else Curve(curve.steps, curve.times, curve.values * scale)


def _is_share(values: np.ndarray) -> bool:
    """Return whether values may be fractions or percentages: within 0 to 100, and no counts from 0 to 10."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return True
    is_count = 1 < finite.max() <= MOST_COUNTED and (finite == np.rint(finite)).all()
    return finite.min() >= 0 and finite.max() <= 100 and not is_count


def _scale(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return 0.01 if len(finite) and 1 < finite.max() <= 100 else 1.0
