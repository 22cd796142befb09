"""Images of every kind that a caller may pass become pixels from 0 to 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vitcore.data.arrays import read_images
from vitcore.errors import UserError
from vitcore.preprocessing import Preprocessing

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8), dtype=np.uint8)


@pytest.mark.parametrize(
    "images",
    [
        PIXELS,
        PIXELS.transpose(0, 2, 3, 1),
        torch.from_numpy(PIXELS),
        torch.from_numpy(PIXELS).double() / 255,
        (torch.from_numpy(PIXELS) / 255).requires_grad_(),
        PIXELS.astype(np.float32) / 255,
        list(PIXELS),
        [PIXELS[:1], PIXELS[1]],
        [Image.fromarray(pixel.transpose(1, 2, 0)) for pixel in PIXELS],
        [Image.fromarray(pixel.transpose(1, 2, 0)).convert("RGBA") for pixel in PIXELS],
    ],
    ids=["uint8", "channels last", "tensor", "double", "gradient", "floats", "list", "mixed", "PIL", "RGBA"],
)
def test_images_of_every_kind_have_the_same_pixels(images):
    found = read_images(images)
    assert [picture.name for picture in found] == ["image 1", "image 2"]
    for picture, wanted in zip(found, PIXELS, strict=True):
        assert np.array_equal(picture.pixels, wanted)
        assert np.allclose(picture.values, wanted / 255, atol=1e-6)


def test_normalization_is_undone():
    mean, std = (0.1, 0.5, 0.9), (0.2, 0.3, 0.4)
    values = PIXELS / 255.0
    normalized = (values - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    found = read_images(torch.from_numpy(normalized), mean=mean, std=std)
    assert np.array_equal(found[1].pixels, PIXELS[1])


def test_photo_is_cropped_only_for_a_model_and_its_name_says_so():
    photo = Image.fromarray(np.zeros((20, 30, 3), np.uint8))
    (cropped,) = read_images(photo, crop=(10, Preprocessing()), names=["cat"])
    assert cropped.values.shape == (3, 10, 10)
    assert cropped.name == "cat, center crop"
    (whole,) = read_images(photo.resize((20, 20)), crop=(10, Preprocessing()))
    assert whole.name == "image 1"


def test_photo_is_named_by_its_file_unless_the_caller_names_it(tmp_path):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "cat.png")
    with Image.open(tmp_path / "cat.png") as photo:
        assert [one.name for one in read_images([photo, PIXELS[0]])] == ["cat.png", "image 2"]
        assert read_images(photo, names=["Tom"])[0].name == "Tom"


def test_paths_are_opened_as_photos_are(tmp_path):
    file = tmp_path / "cat.png"
    Image.fromarray(PIXELS[0].transpose(1, 2, 0)).save(file)
    for images in (file, str(file), [str(file)], [file, PIXELS[1]]):
        found = read_images(images)
        assert np.array_equal(found[0].pixels, PIXELS[0])
        assert found[0].name == "cat.png"
    wide = Image.fromarray(np.zeros((20, 30, 3), np.uint8))
    wide.save(file)
    (cropped,) = read_images(file, crop=(10, Preprocessing()))
    assert cropped.values.shape == (3, 10, 10)
    assert cropped.name == "cat.png, center crop"


@pytest.mark.parametrize(
    ("images", "named"),
    [
        (torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)), "normalization"),
        (np.full((3, 8, 8), np.nan, np.float32), "nan"),
        (np.zeros((3, 8, 9), np.uint8), "9 x 8"),
        (Image.new("RGB", (9, 8)), "9 x 8"),
        (np.zeros((1, 8, 8), np.uint8), "3 channels"),
        (np.zeros((8, 8), np.uint8), r"\[8, 8\]"),
        (np.zeros((3, 8, 8), np.int64), "int64"),
        ([], "no images"),
        ("no-such-cat.jpg", "no-such-cat.jpg"),
        (["no-such-cat.jpg"], "no-such-cat.jpg"),
        (Path(__file__), "test_arrays.py"),
        (Path(__file__).parent, "data"),
        (3, "type int"),
    ],
)
def test_other_images_are_refused_in_one_sentence(images, named):
    with pytest.raises(UserError, match=named):
        read_images(images)


def test_each_image_needs_a_name():
    with pytest.raises(UserError, match="3 names"):
        read_images(PIXELS, names=["a", "b", "c"])
