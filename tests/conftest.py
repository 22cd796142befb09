"""Fixtures of all tests: separate folders for each test, small datasets, the shared data if available."""

from __future__ import annotations

import os
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch is imported, and for the processes that tests start
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pytest
from PIL import Image

hypothesis.settings.register_profile("vitlab", deadline=None)  # a loaded machine must not fail a test
hypothesis.settings.load_profile("vitlab")

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("VITLAB_SHARED", ROOT.parent / "shared"))


SECONDS = {"process": 300, "browser": 180}  # timeout of a test by folder; 120 s elsewhere
SLOW_SECONDS = 900
TIERS = ("browser", "process", "pages", "house", "unit")  # from the longest files to the shortest


def tier_of(item: pytest.Item) -> str:
    """Return the folder of `tests` that contains the test."""
    return item.path.relative_to(ROOT / "tests").parts[0]


def pytest_collection_modifyitems(items):
    """Run the folders with the longest files first, and set a timeout for tests that have none.

    pytest-xdist starts files in this order (`--no-loadscope-reorder`). The short files come last and keep
    both workers busy until the end.
    """
    items.sort(key=lambda item: TIERS.index(tier_of(item)) if tier_of(item) in TIERS else len(TIERS))
    for item in items:
        if item.get_closest_marker("timeout"):
            continue
        slow = item.get_closest_marker("slow")
        limit = SLOW_SECONDS if slow else SECONDS.get(tier_of(item), 120)
        item.add_marker(pytest.mark.timeout(limit))


@pytest.fixture(autouse=True)
def separate_folders(tmp_path, monkeypatch):
    """Keep tests away from the user's runs and data."""
    monkeypatch.setenv("VITLAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("VITLAB_DATA", str(tmp_path / "data"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder with the complete CIFAR-10 and the published checkpoint."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"needs complete CIFAR-10 in {SHARED}; set VITLAB_SHARED")
    return SHARED / "data"


@pytest.fixture
def full_cifar10(shared, monkeypatch) -> Path:
    monkeypatch.setenv("VITLAB_DATA", str(shared))
    return shared / "cifar10"


def make_folder(folder: Path, classes: dict[str, tuple[int, int, int]], count: int, size: int = 24) -> Path:
    """Write a dataset of noisy images of one color per class: easy to learn and quick to read."""
    random = np.random.default_rng(0)
    for name, color in classes.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = np.clip(random.normal(color, 30, (size, size + i % 5, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i:03d}.png")
    return folder


@pytest.fixture(scope="session")
def colors(tmp_path_factory) -> Path:
    """Return a dataset folder with two classes of 60 images each."""
    return make_folder(tmp_path_factory.mktemp("colors"), {"blue": (40, 60, 200), "red": (200, 60, 40)}, 60)


TINY_VIT = {
    "embed_dim": 16,
    "hidden_dim": 32,
    "num_heads": 2,
    "num_layers": 2,
    "patch_size": 8,
    "batch_size": 16,
}
TINY_RESNET = {"c_hidden": [4, 8], "num_blocks": [1, 1], "batch_size": 16}
