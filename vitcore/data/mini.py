"""Create the bundled `cifar10-mini` from complete CIFAR-10. This was run once:

    VITLAB_DATA=<folder with cifar10/> python -m vitcore.data.mini

The dataset has the first 400 training and 100 test images of each class, in original order, lossless, in the
sheet format of `datasets`. The last 50 training images of each class are held out for validation.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image

from vitcore.data.datasets import Dataset, load_dataset
from vitcore.paths import assets_dir

TRAIN, TEST, HELD_OUT = 400, 100, 50  # images per class


def first_of_each(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of the first `count` images of each class, in original order.

    labels [N] -> [classes * count]
    """
    return np.sort(np.concatenate([np.flatnonzero(labels == c)[:count] for c in np.unique(labels)]))


def write_mini(data: Dataset, out: Path) -> None:
    """Write sheets and labels.json of the subset to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    info: dict[str, object] = {"classes": list(data.classes)}
    for name, split, count in (("train", data.train, TRAIN), ("test", data.test, TEST)):
        chosen = first_of_each(split.labels, count)
        labels = split.labels[chosen]
        rows = split.images[chosen].transpose(0, 2, 3, 1).reshape(len(chosen), 32 * 32, 3)
        Image.fromarray(rows).save(out / f"{name}.png", optimize=True)
        info[name] = labels.tolist()
        info[f"{name}_index"] = chosen.tolist()  # the index of each image in CIFAR-10
        if name == "train":
            held = [np.flatnonzero(labels == c)[-HELD_OUT:] for c in range(len(data.classes))]
            info["validation"] = np.sort(np.concatenate(held)).tolist()
    (out / "labels.json").write_text(json.dumps(info) + "\n", encoding="utf-8")
    for path in sorted(out.glob("*.png")):
        print(hashlib.sha256(path.read_bytes()).hexdigest(), path.name, path.stat().st_size)


if __name__ == "__main__":
    write_mini(load_dataset("cifar10"), assets_dir() / "cifar10-mini")
