"""Fine-tuning against training from scratch, with 50 images of each of five classes of CIFAR-10.

    python -m tests.benchmarks.fine_tuning            # all trainings, on one thread; needs complete CIFAR-10
    python -m tests.benchmarks.fine_tuning probe      # those whose name contains a word

The classes are airplane, bird, cat, dog and ship: their first 50 training images and first 200 test images.
The bundled starts were trained on all of CIFAR-10, so that these classes are not new to them.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from tests.conftest import ROOT
from vitcore import numbers
from vitcore.data import load_dataset
from vitcore.runs.folder import Run

CLASSES, TRAIN, TEST = ("airplane", "bird", "cat", "dog", "ship"), 50, 200
TRAININGS = {
    "probe of vit-cifar10": ["--from", "vit-cifar10", "--recipe", "linear-probe"],
    "fine-tuned vit-cifar10": ["--from", "vit-cifar10"],
    "ViT from scratch": ["--model", "vit", "--batch-size", "32", "--set", "keep_patches=1"],
    "probe of resnet-cifar10": ["--from", "resnet-cifar10", "--recipe", "linear-probe"],
    "ResNet from scratch": ["--model", "resnet", "--batch-size", "32", "--epochs", "30"],
}


def write_folder(place: Path) -> None:
    """Write the images as `place`/SPLIT/CLASS/NUMBER.png."""
    data = load_dataset("cifar10")
    for split, part, count in (("train", data.train, TRAIN), ("test", data.test, TEST)):
        for name in CLASSES:
            folder = place / split / name
            folder.mkdir(parents=True)
            for i in np.flatnonzero(part.labels == data.classes.index(name))[:count]:
                Image.fromarray(part.images[i].transpose(1, 2, 0)).save(folder / f"{i:05d}.png")


def used_s() -> float:
    """Return the CPU seconds of all child processes that have ended, without those of the system."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


def main(word: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        write_folder(place / "five")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "VITLAB_RUNS": str(place / "runs")}
        print("| training | CPU seconds | test |\n|---|---|---|")
        for name, options in TRAININGS.items():
            if word not in name:
                continue
            before = used_s()
            command = [sys.executable, "-m", "vitcore", "train", *options, "--device", "cpu"]
            done = subprocess.run(
                [*command, "--data", f"folder:{place / 'five'}"],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                check=True,
            )
            result = Run(Path(done.stdout.strip())).status().result
            print(f"| {name} | {used_s() - before:.0f} | {numbers.percent(result['test_acc'])} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
