"""Datasets: the bundled subset against the original, folders of any images, and errors."""

from __future__ import annotations

import http.server
import io
import pickle
import tarfile
import threading

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import make_folder
from vitcore.config import make_config
from vitcore.data import load_dataset, resolve, split_indices
from vitcore.data.datasets import CLASSES
from vitcore.errors import UserError
from vitcore.probes.scoring import training_images
from vitcore.runs.folder import find_run


def test_mini_has_the_documented_counts():
    data = load_dataset("cifar10-mini")
    assert data.classes == CLASSES
    assert data.train.images.shape == (4000, 3, 32, 32)
    assert data.test.images.shape == (1000, 3, 32, 32)
    assert data.train.images.dtype == np.uint8
    assert np.bincount(data.train.labels).tolist() == [400] * 10
    assert np.bincount(data.test.labels).tolist() == [100] * 10
    train, held = split_indices(data)
    assert np.bincount(data.train.labels[held]).tolist() == [50] * 10
    assert sorted([*train, *held]) == list(range(4000))


@pytest.fixture(scope="module")
def full(shared):
    """Return the complete CIFAR-10, whose images take seconds to decode."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITLAB_DATA", str(shared))
        data = load_dataset("cifar10")
        assert (len(data.train.images), len(data.test.images)) == (50_000, 10_000)  # read here, not later
    return data


def test_mini_has_the_exact_first_images_of_each_class(full):
    mini = load_dataset("cifar10-mini")
    for part, count in (("train", 400), ("test", 100)):
        small, large = getattr(mini, part), getattr(full, part)
        for label in range(10):
            ours = small.images[small.labels == label]
            first = large.images[np.flatnonzero(large.labels == label)[:count]]
            assert np.array_equal(ours, first)


def test_cifar10_statistics_and_split_equal_the_tutorial(full):
    images = full.train.images
    count = images[:, 0].size
    mean = images.sum(axis=(0, 2, 3), dtype=np.uint64) / count / 255
    assert np.allclose(mean, [0.49139968, 0.48215841, 0.44653091], atol=1e-6)
    squares = sum(
        np.square(part, dtype=np.uint16).sum(axis=(0, 2, 3), dtype=np.uint64)
        for part in np.array_split(images, 50)
    )
    std = np.sqrt(squares / count / 255**2 - mean**2)
    assert np.allclose(std, [0.24703223, 0.24348513, 0.26158784], atol=1e-6)
    train, held = split_indices(full)
    generator = torch.Generator().manual_seed(42)
    ours = torch.utils.data.random_split(range(50_000), [45_000, 5_000], generator=generator)
    assert train.tolist() == list(ours[0].indices)
    assert held.tolist() == list(ours[1].indices)


def test_bundled_training_images_are_in_the_training_split(full):
    train, _ = split_indices(full)
    there = {image.tobytes() for image in full.train.images[train]}
    chosen = training_images(find_run("vit-cifar10").config, 10_000)
    assert len(chosen.labels) == 3_500
    assert all(image.tobytes() in there for image in chosen.pixels)


def test_folder_with_images_of_any_size_and_mode_becomes_a_dataset(tmp_path):
    place = make_folder(tmp_path / "d", {"a": (0, 0, 0), "b": (255, 255, 255)}, 20, size=50)
    Image.new("L", (7, 90), 128).save(place / "a" / "gray.jpg")
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(place / "b" / "clear.webp")
    (place / "a" / "notes.txt").write_text("not an image")
    data = load_dataset(f"folder:{place}", image_size=16)
    assert data.classes == ("a", "b")
    assert data.train.images.shape[1:] == (3, 16, 16)
    assert len(data.train) + len(data.test) == 42
    assert (
        data.test.images[data.test.labels == 1].mean() > 200 > data.test.images[data.test.labels == 0].mean()
    )


def test_train_and_test_folders_are_kept_separate(tmp_path):
    make_folder(tmp_path / "d" / "train", {"a": (0, 0, 0), "b": (9, 9, 9)}, 5)
    make_folder(tmp_path / "d" / "test", {"a": (0, 0, 0), "b": (9, 9, 9)}, 3)
    data = load_dataset(f"folder:{tmp_path / 'd'}")
    assert (len(data.train), len(data.test)) == (10, 6)


@pytest.mark.parametrize("build", ["missing", "empty", "one class", "empty class"])
def test_unusable_folder_is_rejected(tmp_path, build):
    place = tmp_path / "d"
    if build != "missing":
        place.mkdir()
    if build == "one class":
        make_folder(place, {"a": (0, 0, 0)}, 4)
    if build == "empty class":
        make_folder(place, {"a": (0, 0, 0)}, 4)
        (place / "b").mkdir()
    with pytest.raises(UserError, match=str(tmp_path)):
        resolve(make_config(data=f"folder:{place}"))


@pytest.mark.parametrize("damage", ["labels", "sheet", "count"])
def test_damaged_sheets_are_reported(tmp_path, monkeypatch, damage):
    place = tmp_path / "data" / "cifar10"
    place.mkdir(parents=True)
    Image.new("RGB", (1024, 2)).save(place / "train_1.png")
    Image.new("RGB", (1024, 1)).save(place / "test.png")
    (place / "labels.json").write_text('{"classes": ["a", "b"], "train": [0, 1], "test": [1]}')
    assert len(load_dataset("cifar10").train) == 2
    if damage == "labels":
        (place / "labels.json").write_text('{"classes": [')
    if damage == "sheet":
        (place / "train_1.png").write_bytes((place / "train_1.png").read_bytes()[:40])
    if damage == "count":
        (place / "labels.json").write_text('{"classes": ["a", "b"], "train": [0], "test": [1]}')
    with pytest.raises(UserError):
        len(load_dataset("cifar10").train)


def archive() -> bytes:
    """CIFAR-10's own tar file in small: 2 images per batch."""
    out = io.BytesIO()
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for value, name in enumerate(names):
            batch = {"data": np.full((2, 3072), value, dtype=np.uint8), "labels": [0, 1]}
            parts = {name: pickle.dumps(batch), "batches.meta": pickle.dumps({"label_names": list(CLASSES)})}
            for key, content in parts.items():
                info = tarfile.TarInfo(f"cifar-10-batches-py/{key}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture
def download_server(tmp_path, monkeypatch):
    """torchvision's download, from a server of our own on this machine."""
    from torchvision.datasets import CIFAR10

    (tmp_path / "www").mkdir()
    (tmp_path / "www" / CIFAR10.filename).write_bytes(archive())

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path / "www"))

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setattr(CIFAR10, "url", f"http://127.0.0.1:{server.server_port}/{CIFAR10.filename}")
    monkeypatch.setattr(CIFAR10, "tgz_md5", None)
    for name in ("train_list", "test_list"):
        monkeypatch.setattr(CIFAR10, name, [[file, None] for file, _ in getattr(CIFAR10, name)])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": None})
    yield server
    server.shutdown()


def test_missing_cifar10_is_downloaded(download_server, capsys):
    data = load_dataset("cifar10")
    assert "downloading" in capsys.readouterr().out
    assert data.train.images.shape == (10, 3, 32, 32)
    assert data.train.images[:, 0, 0, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert data.classes == CLASSES


def test_missing_network_is_reported(download_server):
    download_server.shutdown()
    download_server.server_close()
    with pytest.raises(UserError, match="cifar10-mini") as caught:
        load_dataset("cifar10")
    assert "\n" not in str(caught.value)
