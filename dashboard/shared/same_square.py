"""The square of an image that one model gets, cut out of the image again for another model.

The other model has its own size and filter. Both squares are the same part of the image, so equal places on
them are equal places in the image. Each function returns a `Square`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import streamlit as st
from PIL import Image

from dashboard.shared import own_crop
from vitcore.data.decoded import DecodedImages, Pixels
from vitcore.data.images import read_photo, square
from vitcore.data.photos import Photo
from vitcore.preprocessing import Preprocessing

Square = Callable[[int, Preprocessing], np.ndarray]  # size and preprocessing -> uint8 [3, size, size]


def of_pixels(image: np.ndarray) -> Square:
    """Resize an image uint8 [3, S, S] of which only the pixels are known."""

    def cut(size: int, how: Preprocessing) -> np.ndarray:
        whole = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
        return square(whole, size, preprocessing=_with_crop(how, 1.0))

    return cut


def of_test_image(images: Pixels, index: int, first: Preprocessing) -> Square | None:
    """Decode the file of a test image again. Return None if the images have no files of their own."""
    if not isinstance(images, DecodedImages):
        return None
    return lambda size, how: images.at(size, _with_crop(how, first.crop))[index]


def of_photo(photo: Photo, first: Preprocessing) -> Square:
    """Decode a bundled photograph again."""

    def cut(size: int, how: Preprocessing) -> np.ndarray:
        fitted = _with_crop(how, first.crop)
        return _photo_pixels(photo, size, repr(fitted), fitted)

    return cut


@st.cache_data(max_entries=8, show_spinner=False)
def _photo_pixels(photo: Photo, size: int, how: str, _preprocessing: Preprocessing) -> np.ndarray:
    return read_photo(photo.file, size, _preprocessing)


def of_own_image(content: bytes, name: str, first: Preprocessing, slot: str) -> Square:
    """Decode the visitor's image again, cropped or padded as the visitor has chosen."""

    def cut(size: int, how: Preprocessing) -> np.ndarray:
        crop = own_crop.chosen(first, slot)
        share = first.crop if crop.share is None else crop.share
        return own_crop.decoded(content, name, size, replace(crop, share=share), how)

    return cut


def _with_crop(preprocessing: Preprocessing, crop: float) -> Preprocessing:
    return preprocessing.model_copy(update={"crop": crop})
