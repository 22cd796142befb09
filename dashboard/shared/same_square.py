"""The square of an image that one model gets, cut out of the image again for another model.

The other model has its own size and filter. Both squares are the same part of the image, so equal places on
them are equal places in the image. Each function returns a `Cropper`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image

from dashboard.shared import own_crop
from vitcore.data.decoded import DecodedImages, Pixels
from vitcore.data.images import square
from vitcore.preprocessing import Preprocessing

Cropper = Callable[[int, Preprocessing], np.ndarray]  # size and preprocessing -> uint8 [3, size, size]


def of_pixels(image: np.ndarray) -> Cropper:
    """Resize an image uint8 [3, S, S] of which only the pixels are known."""

    def cut(size: int, how: Preprocessing) -> np.ndarray:
        whole = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
        return square(whole, size, preprocessing=_with_crop(how, 1.0))

    return cut


def of_test_image(images: Pixels, index: int, first: Preprocessing) -> Cropper | None:
    """Decode the file of a test image again. Return None if the images have no files of their own."""
    if not isinstance(images, DecodedImages):
        return None
    return lambda size, how: images.at(size, _with_crop(how, first.crop))[index]


def of_file(content: bytes, name: str, crop: own_crop.Crop, first: Preprocessing) -> Cropper:
    """Decode a photograph or the visitor's image again, cropped or padded in the same way."""
    fixed = replace(crop, share=first.crop if crop.share is None else crop.share)
    return lambda size, how: own_crop.decoded(content, name, size, fixed, how)


def _with_crop(preprocessing: Preprocessing, crop: float) -> Preprocessing:
    return preprocessing.model_copy(update={"crop": crop})
