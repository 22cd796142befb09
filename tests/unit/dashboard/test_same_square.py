"""The same square of an image for two models: equal places on both are equal places in the image."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dashboard.shared import same_square
from dashboard.shared.own_crop import Crop
from vitcore.data import load_dataset
from vitcore.data.decoded import DecodedImages
from vitcore.data.images import read_photo
from vitcore.preprocessing import Preprocessing

FIRST = Preprocessing(crop=0.875, interpolation="bicubic")
OTHER = Preprocessing(crop=1.0, interpolation="bilinear", mean=(0.5, 0.5, 0.5))
WIDTH, HEIGHT = 640, 400
GRID = 8


def gradient():
    """An image whose red is the column and whose green is the row, from 0 to 255."""
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    colors = np.stack([255 * x / WIDTH, 255 * y / HEIGHT, np.full_like(x, 128)], axis=-1)
    return Image.fromarray(colors.round().astype(np.uint8))


@pytest.fixture
def file(tmp_path):
    for part in ("train/one", "train/two", "validation/one", "validation/two", "test/one", "test/two"):
        place = tmp_path / "images" / part
        place.mkdir(parents=True)
        gradient().save(place / "gradient.png")
    return tmp_path / "images" / "test" / "one" / "gradient.png"


def cuts(file):
    """The square of `FIRST` at 224 pixels, from every kind of image."""
    folder = load_dataset(f"folder:{file.parents[2]}", 224, preprocessing=FIRST)
    assert isinstance(folder.test.images, DecodedImages)
    shown = read_photo(file, 224, FIRST)
    yield "pixels", same_square.of_pixels(shown)
    yield "test image", same_square.of_test_image(folder.test.images, 0, FIRST)
    yield "file", same_square.of_file(file.read_bytes(), "gradient.png", Crop(), FIRST)


@pytest.mark.parametrize("size", [32, 518])
def test_equal_places_on_the_squares_of_two_models_have_the_same_color(file, size):
    middles = (np.arange(GRID) + 0.5) / GRID  # of patches, as a share of the square
    side = 0.875 * HEIGHT  # of the square in the center, in pixels of the image
    red = 255 * (WIDTH / 2 + (middles - 0.5) * side) / WIDTH
    green = 255 * (HEIGHT / 2 + (middles - 0.5) * side) / HEIGHT
    for kind, cut in cuts(file):
        pixels = cut(size, OTHER)
        assert pixels.shape == (3, size, size), kind
        at = (middles * size).astype(int)
        step = 255 * side / HEIGHT / size  # between two pixels
        np.testing.assert_allclose(pixels[0, 0, at], red, atol=step + 1, err_msg=kind)
        np.testing.assert_allclose(pixels[1, at, 0], green, atol=step + 1, err_msg=kind)


@pytest.mark.parametrize("size", [32, 518])
def test_the_other_square_is_moved_as_the_first_one(file, size):
    corner = Crop(position=1.0, across=0.0, share=0.5)  # the upper right one, of half the height
    pixels = same_square.of_file(file.read_bytes(), "gradient.png", corner, FIRST)(size, OTHER)
    side = 0.5 * HEIGHT
    red, green = 255 * (WIDTH - side / 2) / WIDTH, 255 * side / 2 / HEIGHT
    step = 255 * side / HEIGHT / size
    np.testing.assert_allclose(pixels[:2, size // 2, size // 2], [red, green], atol=step + 1)


def test_images_without_files_have_no_other_square():
    images = load_dataset("cifar10-mini").test.images
    assert same_square.of_test_image(images, 0, FIRST) is None
    assert np.array_equal(same_square.of_pixels(images[0])(32, OTHER), images[0])
