"""A training on images that are decoded batch by batch repeats and resumes exactly."""

from __future__ import annotations

import pytest

from tests.conftest import make_folder
from tests.small_trainings import check_same_training, config, train_until
from vitcore.data import decoded
from vitcore.data.decoded import PixelCache
from vitcore.data.layout import scan
from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.training import train

LARGE = {
    "image_size": 72,
    "patch_size": 24,
    "epochs": 2,
    "batch_size": 4,
    "augment": "trivial",
    "cutmix": 1.0,
}


def test_resumed_training_on_large_images_equals_an_uninterrupted_one(colors, monkeypatch):
    complete = train(config(colors, **LARGE), progress=False)
    monkeypatch.setattr(decoded, "KEPT_IN_TRAINING", 3 * 3 * 72 * 72)  # three images
    monkeypatch.setattr(decoded, "CACHE", PixelCache(0))
    stopped = train_until(30, config(colors, **LARGE))
    check_same_training(train(resume=stopped, progress=False), complete)
    assert complete.status().result["n_test"] == 12


def test_training_on_a_folder_with_a_broken_large_image_writes_nothing(tmp_path):
    place = make_folder(tmp_path / "d", {"a": (9, 9, 9), "b": (99, 9, 9)}, 10)
    file = scan(place).train["a"][0]
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(UserError, match=file.name):
        train(config(place, **LARGE), progress=False)
    assert not list(runs_dir().glob("*/config.yaml"))
