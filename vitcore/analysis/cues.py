"""Shape and texture of images, separated from each other, and combined in conflict.

Geirhos et al. 2019 gave photographs the texture of other photographs by style transfer, which does not work
on 32 x 32 pixels. Here the shape of an image is its silhouette in three gray levels, its texture is the image
with shuffled cells, and a cue conflict is the mean of the shape of one image and the texture of another.
Everything scales with the side of the image, and needs neither masks nor a network. Images are uint8
[B, 3, S, S].
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from vitcore.errors import UserError

CELLS = 4  # per side
SMOOTHED = 32  # the median is that of a window with this fraction of the side


def silhouettes(images: np.ndarray) -> np.ndarray:
    """Reduce images to three gray levels, without color.

    The luminance (ITU-R BT.601) is smoothed by a median over a window of a 32nd of the side, rounded to an
    odd number: 1 pixel of 32, which changes nothing, and 7 of 224. Otsu's two thresholds separate three
    levels, and each pixel becomes the mean luminance of its level.
    """
    window = 2 * (images.shape[-1] // (2 * SMOOTHED)) + 1
    made = np.empty_like(images)
    for image, out in zip(images, made, strict=True):
        gray = Image.fromarray(image.transpose(1, 2, 0)).convert("L")
        smooth = np.asarray(gray.filter(ImageFilter.MedianFilter(window)) if window > 1 else gray)
        low, high = otsu_thresholds(np.bincount(smooth.ravel(), minlength=256))
        level = (smooth >= low).astype(np.int64) + (smooth >= high)
        for i in np.unique(level):
            out[:, level == i] = round(smooth[level == i].mean())
    return made


def otsu_thresholds(histogram: np.ndarray) -> tuple[int, int]:
    """Return the first values of the second and third of three classes of gray values.

    They maximize the variance between the classes (Otsu 1979), by trying all pairs. Among equally good ones,
    the lowest are returned. histogram int [256]
    """
    count = np.concatenate([[0], histogram.cumsum()]).astype(np.float64)  # of values below an index, [257]
    total = np.concatenate([[0], (histogram * np.arange(256)).cumsum()]).astype(np.float64)

    def strength(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Return the squared sum over the count of a class. Its sum over classes grows with the variance."""
        members = count[end] - count[start]
        return (total[end] - total[start]) ** 2 / np.maximum(members, 1)

    low, high = np.triu_indices(257)
    best = np.argmax(
        strength(np.zeros_like(low), low) + strength(low, high) + strength(high, np.full_like(high, 256))
    )
    return int(low[best]), int(high[best])


def shuffled_cells(images: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Shuffle the 4 x 4 cells of images. The order follows from the number of the image. samples int [B]

    If the side is not divisible by 4, up to three rows and columns at the border stay in their place.
    """
    step = images.shape[-1] // CELLS
    start, side = (images.shape[-1] - step * CELLS) // 2, step * CELLS
    inner = (..., slice(start, start + side), slice(start, start + side))
    cells = images[inner].reshape(-1, 3, CELLS, step, CELLS, step).transpose(0, 2, 4, 1, 3, 5)
    cells = cells.reshape(-1, CELLS**2, 3, step, step)
    order = np.stack([np.random.default_rng([0, int(sample)]).permutation(CELLS**2) for sample in samples])
    cells = np.take_along_axis(cells, order[:, :, None, None, None], axis=1)
    cells = cells.reshape(-1, CELLS, CELLS, 3, step, step).transpose(0, 3, 1, 4, 2, 5)
    made = images.copy()
    made[inner] = cells.reshape(-1, 3, side, side)
    return made


def conflicts(shapes: np.ndarray, textures: np.ndarray) -> np.ndarray:
    """Return the mean of two images in every value, rounded up."""
    return ((shapes.astype(np.uint16) + textures + 1) // 2).astype(np.uint8)


def partners(labels: np.ndarray) -> np.ndarray:
    """Return for each image another one of a random other class, which gives it its texture. int [n]

    Raise `UserError` if all images have one class.
    """
    if len(np.unique(labels)) < 2:
        raise UserError("A cue conflict needs images of two classes: choose more images.")
    chosen = np.empty(len(labels), np.int64)
    for i, label in enumerate(labels):
        chosen[i] = np.random.default_rng([1, i]).choice(np.flatnonzero(labels != label))
    return chosen
