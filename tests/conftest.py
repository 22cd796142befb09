"""What all tests share: folders of their own, tiny datasets, the customer's shared data where it is there."""

from __future__ import annotations

import os
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch is imported, and for the processes that tests start
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("VITLAB_SHARED", ROOT.parent / "shared"))


SECONDS = {"process": 300, "browser": 180}  # a test's limit by its folder, twice the worst seen; else 120
SLOW_SECONDS = 900


def pytest_collection_modifyitems(items):
    """A limit for every test that has none of its own (pytest-timeout)."""
    for item in items:
        if item.get_closest_marker("timeout"):
            continue
        tier = item.path.relative_to(ROOT / "tests").parts[0]
        slow = item.get_closest_marker("slow")
        item.add_marker(pytest.mark.timeout(SLOW_SECONDS if slow else SECONDS.get(tier, 120)))


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """No test touches the user's runs or data."""
    monkeypatch.setenv("VITLAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("VITLAB_DATA", str(tmp_path / "data"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with complete CIFAR-10 and the published checkpoint."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"needs complete CIFAR-10 in {SHARED}; set VITLAB_SHARED")
    return SHARED / "data"


@pytest.fixture
def full_cifar10(shared, monkeypatch) -> Path:
    monkeypatch.setenv("VITLAB_DATA", str(shared))
    return shared / "cifar10"


def make_folder(place: Path, classes: dict[str, tuple[int, int, int]], count: int, size: int = 24) -> Path:
    """A dataset folder of noisy single-colored images: easy to learn, quick to read."""
    random = np.random.default_rng(0)
    for name, color in classes.items():
        (place / name).mkdir(parents=True)
        for i in range(count):
            pixels = np.clip(random.normal(color, 30, (size, size + i % 5, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(place / name / f"{i:03d}.png")
    return place


@pytest.fixture(scope="session")
def colors(tmp_path_factory) -> Path:
    """Two classes of 60 images each."""
    return make_folder(tmp_path_factory.mktemp("colors"), {"blue": (40, 60, 200), "red": (200, 60, 40)}, 60)


TINY_VIT = {
    "embed_dim": 16, "hidden_dim": 32, "num_heads": 2, "num_layers": 2, "patch_size": 8, "batch_size": 16,
}  # fmt: skip
TINY_RESNET = {"c_hidden": [4, 8], "num_blocks": [1, 1], "batch_size": 16}
