"""Time and memory of a folder of photographs: open it, show images, and train on it for two epochs.

    python -m tests.benchmarks.data_folder --images 1000 --size 224

The images are crops of the bundled photographs, saved as JPEG of 256 x 256 pixels in ten classes. Each part
is measured in a process of its own. Memory is the peak of the process above that after the imports.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from vitcore.data.photos import photos
from vitcore.runs.machine_load import peak_memory

SIDE, CLASSES, BATCH = 256, 10, 32
PARTS = ("open", "browse", "train")
Row = tuple[str, float, float]  # what was done, seconds, seconds of CPU time


class Clock:
    """Seconds and CPU seconds of this process since its creation."""

    def __init__(self) -> None:
        self.began = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self.began[0], time.process_time() - self.began[1]


def make_folder(place: Path, count: int) -> None:
    """Write `count` crops of the bundled photographs, in as many classes as there are photographs."""
    draw = np.random.default_rng(0)
    for number, photo in enumerate(photos()[:CLASSES]):
        (place / photo.name).mkdir(parents=True)
        image = Image.open(photo.file).convert("RGB")
        for i in range(number, count, CLASSES):
            side = int(draw.integers(100, min(image.size)))
            left, top = (int(draw.integers(0, length - side + 1)) for length in image.size)
            crop = image.crop((left, top, left + side, top + side)).resize((SIDE, SIDE))
            crop.save(place / photo.name / f"{i:05d}.jpg", quality=90)


def open_folder(place: str, size: int) -> list[Row]:
    """Open a folder and read the first test image, as a page does."""
    from vitcore.data import load_dataset

    clock = Clock()
    _ = load_dataset(f"folder:{place}", size).test.images[0]
    return [("first test image", *clock.read())]


def browse(place: str, size: int) -> list[Row]:
    """Show each test image once, and then again."""
    from vitcore.data import load_dataset

    test = load_dataset(f"folder:{place}", size).test
    rows = []
    for name in ("every test image", "every test image again"):
        clock = Clock()
        for i in range(len(test)):
            _ = test.images[i]
        rows.append((name, *clock.read()))
    return rows


def train(place: str, size: int) -> list[Row]:
    """Load all batches of two epochs, without a model."""
    from vitcore.config import make_config
    from vitcore.data import dataset_for
    from vitcore.data.decoded import keep_for_training
    from vitcore.training.setup import make_loaders

    config = make_config(data=f"folder:{place}", image_size=size, patch_size=16, batch_size=BATCH)
    rows = []
    keep_for_training()
    clock = Clock()
    data = dataset_for(config)
    _ = data.fingerprint
    rows.append(("check of all images before the training", *clock.read()))
    loader, _ = make_loaders(config, data, "cpu")
    for epoch in range(2):
        clock = Clock()
        loader.sampler.set_epoch(epoch)
        count = sum(len(labels) for _, labels in loader)
        rows.append((f"epoch {epoch + 1}, {count} images", *clock.read()))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--part", choices=PARTS, help="of a folder that exists")
    parser.add_argument("--place")
    chosen = parser.parse_args()
    if chosen.part:
        import vitcore.training.setup  # noqa: F401  # the memory of torch is not that of the images

        base = peak_memory()
        rows = {"open": open_folder, "browse": browse, "train": train}[chosen.part](chosen.place, chosen.size)
        print(json.dumps({"rows": rows, "bytes": peak_memory() - base}))
        return
    with tempfile.TemporaryDirectory() as place:
        make_folder(Path(place) / "images", chosen.images)
        for part in PARTS:
            command = [sys.executable, "-m", "tests.benchmarks.data_folder", "--part", part]
            command += ["--place", f"{place}/images", "--size", str(chosen.size)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            print(f"{part}: {found['bytes'] / 1e6:.0f} MB")
            for name, seconds, used in found["rows"]:
                print(f"  {name}: {seconds:.2f} s, {used:.2f} s of CPU time")


if __name__ == "__main__":
    main()
