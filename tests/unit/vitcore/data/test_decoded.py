"""Large images of a folder are decoded on demand, with bounded memory and the pixels of eager decoding."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import make_folder
from vitcore.config import make_config
from vitcore.data import dataset_for, decoded, folder, load_dataset, split_indices
from vitcore.data.datasets import Split
from vitcore.data.decoded import DecodedImages, PixelCache, part_of
from vitcore.data.layout import scan
from vitcore.data.loader import make_loader
from vitcore.errors import UserError
from vitcore.preprocessing import Preprocessing
from vitcore.probes.store import Images, pick

SIDE = 72
COLORS = {"a": (200, 40, 40), "b": (40, 40, 200)}


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch):
    monkeypatch.setattr(decoded, "CACHE", PixelCache(decoded.KEPT))


@pytest.fixture
def place(tmp_path):
    return make_folder(tmp_path / "d", COLORS, 20)


@pytest.fixture
def reads(monkeypatch):
    """The files that are decoded, in order."""
    found, original = [], decoded.read_photo

    def counted(file, *rest):
        found.append(file)
        return original(file, *rest)

    monkeypatch.setattr(decoded, "read_photo", counted)
    return found


def eager(place, side=SIDE):
    """The test images of a folder and their labels, decoded at once."""
    listing = scan(place)
    return folder.read(listing, listing.test, side)


@pytest.mark.parametrize(
    "index",
    [
        0,
        -1,
        slice(1, 3),
        slice(None),
        np.array([3, 0, 3]),
        np.array([True, False, True, True]),
        np.array([], int),
    ],
)
def test_indexing_gives_the_pixels_of_eager_decoding(place, index):
    test = load_dataset(f"folder:{place}", SIDE).test
    pixels, labels = eager(place)
    assert isinstance(test.images, DecodedImages)
    assert test.images.shape == pixels.shape
    assert np.array_equal(test.images[index], pixels[index])
    assert np.array_equal(test.labels, labels)
    if not np.isscalar(index):
        part = test.part(index)
        assert np.array_equal(np.asarray(part.images), pixels[index])
        assert np.array_equal(part.labels, labels[index])


def test_small_sides_are_decoded_at_once(place):
    assert isinstance(load_dataset(f"folder:{place}", 64).test.images, np.ndarray)


def test_only_the_images_that_are_needed_are_decoded_and_kept(place, reads):
    data = load_dataset(f"folder:{place}", SIDE)
    train, _ = split_indices(data)
    part = data.train.part(train).part(slice(2, 9))
    pick(data, 4)
    assert not reads
    first = part.images[1]
    assert len(reads) == 1
    assert np.array_equal(part.images[1], first)
    assert len(reads) == 1
    first[:] = 0  # a copy: what is kept does not change
    assert part.images[1].any()


def test_kept_pixels_stay_below_the_limit_and_the_oldest_are_dropped(place, reads, monkeypatch):
    image_bytes = 3 * SIDE * SIDE
    monkeypatch.setattr(decoded, "CACHE", PixelCache(2 * image_bytes))
    test = load_dataset(f"folder:{place}", SIDE).test
    for index in (0, 1, 0, 2, 0, 1):
        assert np.array_equal(test.images[index], eager(place)[0][index])
        assert decoded.CACHE.size <= 2 * image_bytes
    order = [test.images.files.index(file) for file in reads]
    assert order == [0, 1, 2, 1]  # 1 was dropped for 2, because 0 had been used since


def test_changed_file_is_decoded_again(place):
    test = load_dataset(f"folder:{place}", SIDE).test
    _ = test.images[0]
    Image.new("RGB", (30, 30), (1, 2, 3)).save(test.images.files[0])
    assert np.array_equal(np.unique(test.images[0]), [1, 2, 3])


def test_preprocessing_is_part_of_what_is_kept(place):
    whole = load_dataset(f"folder:{place}", SIDE).test.images[0]
    cropped = load_dataset(f"folder:{place}", SIDE, preprocessing=Preprocessing(crop=0.5)).test.images[0]
    assert not np.array_equal(whole, cropped)


def test_fingerprint_is_that_of_eager_decoding(place):
    data = load_dataset(f"folder:{place}", SIDE)
    digest = hashlib.sha256("\n".join(["folder", "a", "b"]).encode())
    for part in (data.train, data.test):
        whole = np.stack([part.images[i] for i in range(len(part))])
        digest.update(whole.tobytes() + part.labels.tobytes())
    assert data.fingerprint == digest.hexdigest()


def test_digest_of_a_measurement_is_that_of_an_array(place):
    seen = pick(load_dataset(f"folder:{place}", SIDE), 3)
    whole = Images(seen.name, np.asarray(seen.pixels), seen.labels)
    assert isinstance(seen.pixels, DecodedImages)
    assert (
        seen.digest
        == whole.digest
        == hashlib.sha256(whole.pixels.tobytes() + seen.labels.tobytes()).hexdigest()
    )


def test_all_broken_images_are_named_once_one_of_them_is_needed(place):
    listing = scan(place)
    first, *_, last = listing.test["a"] + listing.test["b"]
    for file in (first, last):
        file.write_bytes(file.read_bytes()[:90])
    test = load_dataset(f"folder:{place}", SIDE).test
    _ = test.images[1]  # a complete one
    for read in (lambda: test.images[0], lambda: test.images[:2]):
        with pytest.raises(UserError) as caught:
            read()
        assert first.name in str(caught.value)
        assert str(last.relative_to(place)) in str(caught.value)
    kept = dataset_for(make_config(data=f"folder:{place}", image_size=SIDE, skip_broken=True))
    assert len(kept.test) == 2
    assert len(kept.test.images[:]) == 2


@pytest.mark.parametrize("mixing", [{}, {"cutmix": 1.0, "mixup": 0.5}])
def test_batches_equal_those_of_an_array(place, mixing):
    train = load_dataset(f"folder:{place}", SIDE).train
    whole = Split(np.asarray(train.images), train.labels)
    settings = {"train": True, "policy": "trivial", "seed": 3, "classes": 2, **mixing}
    ours, theirs = (make_loader(split, 4, **settings) for split in (train, whole))
    for (images, labels), (expected, truth) in zip(ours, theirs, strict=True):
        assert torch.equal(images, expected)
        assert torch.equal(labels, truth)


def test_part_of_an_array_is_an_array():
    values = np.arange(10)
    assert np.array_equal(part_of(values, slice(2, 5)), [2, 3, 4])
