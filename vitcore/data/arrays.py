"""Read images that a caller passes: tensors, arrays, PIL images, paths, or a list of them. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vitcore.data.images import open_image, square
from vitcore.errors import UserError
from vitcore.paths import expanded
from vitcore.preprocessing import Preprocessing

KINDS = "tensors or arrays [B, 3, S, S], PIL images, paths of image files, or a list of them"
ROUNDING = 1e-3  # by which values may leave 0..1 after a normalization was undone
Channels = Sequence[float]


@dataclass(frozen=True)
class Picture:
    """One image: its pixels from 0 to 1, float32 [3, S, S], and its name."""

    values: np.ndarray
    name: str

    @property
    def pixels(self) -> np.ndarray:
        """The image as the explorer shows it. uint8 [3, S, S]"""
        return (255 * self.values).round().astype(np.uint8)


def read_images(
    images: Any,
    *,
    names: Sequence[str] | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
    crop: tuple[int, Preprocessing] | None = None,
) -> list[Picture]:
    """Return the images in what was passed. Raise `UserError` with one sentence for anything else.

    `mean` and `std` undo the normalization of floats. Files and PIL images are cropped to a square and
    resized if `crop` says how a model wants them, which their names then mention. Without `names`, an image
    from a file has the name of the file.
    """
    found = _single(images)
    if names is not None and len(names) != len(found):
        raise UserError(f"There are {len(found)} images, but {len(names)} names: give each image one name.")
    titles = names or [_file_name(one) or f"image {number}" for number, one in enumerate(found, start=1)]
    return [_picture(one, str(title), mean, std, crop) for one, title in zip(found, titles, strict=True)]


def _file_name(image: Any) -> str:
    """Return the name of the file that a PIL image was opened from, or nothing."""
    return Path(getattr(image, "filename", "")).name if isinstance(image, Image.Image) else ""


def _single(images: Any) -> list[Any]:
    """Return the single images in batches and lists."""
    if isinstance(images, Image.Image):
        return [images]
    if isinstance(images, str | Path):
        return [_opened(images)]
    if isinstance(images, list | tuple):
        found = [image for part in images for image in _single(part)]
    else:
        array = as_array(images, "The images")
        if array.ndim not in (3, 4):
            raise UserError(f"The images have the shape {list(array.shape)}: pass {KINDS}.")
        found = list(array) if array.ndim == 4 else [array]
    if not found:
        raise UserError("There are no images: pass at least one.")
    return found


def _opened(path: str | Path) -> Image.Image:
    """Return the image in a file, which knows its path. Raise `UserError`."""
    file = expanded(path)
    image = open_image(file, str(path))
    image.filename = str(file)  # type: ignore[attr-defined]  # as pillow names an opened image
    return image


def as_array(values: Any, what: str) -> np.ndarray:
    """Return a torch tensor or an array as a NumPy array. Raise `UserError` for other objects."""
    if hasattr(values, "detach"):  # a tensor, without an import of torch
        values = values.detach().cpu()
        values = values.float() if values.is_floating_point() else values
        return values.numpy()
    if not isinstance(values, np.ndarray):
        raise UserError(f"{what} are of type {type(values).__name__}: pass {KINDS}.")
    return values


def _picture(
    image: Any, name: str, mean: Channels | None, std: Channels | None, crop: tuple[int, Preprocessing] | None
) -> Picture:
    if isinstance(image, Image.Image):
        image = image.convert("RGB")
        if crop:
            size, how = crop
            cropped = image.width != image.height or how.crop < 1
            name = f"{name}, center crop" if cropped else name
            return Picture(square(image, size, preprocessing=how).astype(np.float32) / 255, name)
        image = np.asarray(image)
    array = _channels_first(image, name)
    if array.dtype == np.uint8:
        return Picture(array.astype(np.float32) / 255, name)
    if not np.issubdtype(array.dtype, np.floating):
        raise UserError(f"{name} holds values of type {array.dtype}: pass floats from 0 to 1, or uint8.")
    values = array.astype(np.float32)
    if mean is not None or std is not None:
        values = values * _column(std, 1.0, "std") + _column(mean, 0.0, "mean")
    low, high = float(values.min()), float(values.max())
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):  # also for NaN
        raise UserError(
            f"{name} has values from {low:.2f} to {high:.2f} instead of 0 to 1: pass the images before "
            "their normalization, or undo it with mean= and std=."
        )
    return Picture(values.clip(0, 1), name)


def _channels_first(array: np.ndarray, name: str) -> np.ndarray:
    if array.shape[0] != 3 and array.shape[-1] == 3:
        array = array.transpose(2, 0, 1)
    channels, height, width = array.shape
    if channels != 3:
        raise UserError(f"{name} has the shape {list(array.shape)}: pass images with 3 channels.")
    if height != width or not height:
        raise UserError(
            f"{name} has {width} x {height} pixels, but the explorer shows square images: crop or resize it "
            "as the model saw it."
        )
    return array


def _column(values: Channels | None, default: float, what: str) -> np.ndarray:
    """Return one value per channel as a column. [3, 1, 1]"""
    array = np.asarray(default if values is None else values, dtype=np.float32)
    if array.shape not in ((), (3,)) or not np.isfinite(array).all():
        raise UserError(f"{what} must be one number or three, one for each channel: correct it.")
    return np.broadcast_to(array.reshape(-1, 1, 1), (3, 1, 1))
