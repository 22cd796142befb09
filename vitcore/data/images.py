"""Read an image from a file or an upload, and check it before decoding. Needs numpy and pillow, no torch."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from vitcore.errors import UserError

# per channel of CIFAR-10's training set, with the tutorial's values; used for all datasets
MEAN = (0.49139968, 0.48215841, 0.44653091)
STD = (0.24703223, 0.24348513, 0.26158784)

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
FORMATS = ("PNG", "JPEG", "WEBP")
# the exceptions that pillow's decoders raise for malformed data
BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zlib.error,
)
MAX_BYTES = 10 * 2**20
MAX_PIXELS = 25_000_000


def open_image(source: str | Path | bytes, name: str = "") -> Image.Image:
    """Return a decoded RGB image.

    Apply the EXIF orientation, put transparency on white, and use the first frame of an animation. Raise
    `UserError` with one sentence for anything that is not a PNG, JPEG or WebP of at most 10 MB and 25
    megapixels. The size is read from the header, before any pixel is decoded.
    """
    name = name or (str(source) if not isinstance(source, bytes) else "The upload")
    image = check_header(source, name)
    try:
        image.load()
        image = _upright(image)
        if image.mode.startswith("I"):  # 16 bits per pixel, which pillow would clip
            image = Image.fromarray((np.asarray(image) / 257).round().astype(np.uint8))
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("RGB")
    except BROKEN:
        raise UserError(f"{name} is damaged or incomplete: save it again, or choose another file.") from None


def _upright(image: Image.Image) -> Image.Image:
    """Return the image rotated by its EXIF orientation, or unchanged if the EXIF data are damaged."""
    try:
        return ImageOps.exif_transpose(image)
    except BROKEN:
        return image


def check_header(source: str | Path | bytes, name: str = "") -> Image.Image:
    """Return an image with valid format and size, without decoding its pixels.

    Raise `UserError` in the same cases as `open_image`.
    """
    name = name or str(source)
    try:
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read {name}: {error.strerror or error}.") from None
    if len(data) > MAX_BYTES:
        raise UserError(
            f"{name} has {len(data) / 2**20:.1f} MB: choose an image of at most {MAX_BYTES // 2**20} MB."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own, lower limit follows
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        except Image.DecompressionBombError:
            raise UserError(_too_many(name)) from None
        except BROKEN:  # UnidentifiedImageError is an OSError
            raise UserError(f"{name} is not a PNG, JPEG or WebP image: choose another file.") from None
    if image.width * image.height > MAX_PIXELS:
        raise UserError(_too_many(name, image.width, image.height))
    return image


def _too_many(name: str, width: int = 0, height: int = 0) -> str:
    size = f" ({width} x {height})" if width else ""
    return f"{name} is too large{size}: choose an image of at most {MAX_PIXELS // 1_000_000} megapixels."


def square(image: Image.Image, size: int) -> np.ndarray:
    """Return the center square of an image, resized with antialiasing. -> uint8 [3, size, size]"""
    fitted = ImageOps.fit(image, (size, size), method=Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(fitted).transpose(2, 0, 1))


def read_image(source: str | Path | bytes, size: int, name: str = "") -> np.ndarray:
    """Read a file or an upload as model input before normalization. -> uint8 [3, size, size]

    Raise `UserError` in the same cases as `open_image`.
    """
    return square(open_image(source, name), size)
