"""One image from a file or an upload, checked before it is decoded. numpy and pillow, no torch."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from vitcore.errors import UserError

# CIFAR-10's training set, per channel, as the tutorial has them; used for every dataset
MEAN = (0.49139968, 0.48215841, 0.44653091)
STD = (0.24703223, 0.24348513, 0.26158784)

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
FORMATS = ("PNG", "JPEG", "WEBP")
# what pillow's decoders raise on bytes that somebody has tampered with
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
    """A decoded RGB image, upright (EXIF orientation applied), transparency on white, the first frame of an
    animation.

    Raises `UserError` with one sentence for anything that is not a PNG, JPEG or WebP of at most 10 MB and 25
    megapixels; the size is read from the header, before any pixel is decoded.
    """
    name = name or (str(source) if not isinstance(source, bytes) else "The upload")
    image = check_header(source, name)
    try:
        image.load()
        image = _upright(image)
        if image.mode.startswith("I"):  # 16 bits a pixel, which pillow would clip
            image = Image.fromarray((np.asarray(image) / 257).round().astype(np.uint8))
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("RGB")
    except BROKEN:
        raise UserError(f"{name} is damaged or incomplete: save it again, or choose another file.") from None


def _upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF orientation says; as it is where that is damaged."""
    try:
        return ImageOps.exif_transpose(image)
    except BROKEN:
        return image


def check_header(source: str | Path | bytes, name: str = "") -> Image.Image:
    """An image whose kind and size are right, its pixels not yet decoded; raises `UserError` as `open_image`
    does.
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
    """The center square of an image, resized with antialiasing. -> uint8 [3, size, size]"""
    fitted = ImageOps.fit(image, (size, size), method=Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(fitted).transpose(2, 0, 1))


def read_image(source: str | Path | bytes, size: int, name: str = "") -> np.ndarray:
    """A file or an upload as the model sees it, before normalization. -> uint8 [3, size, size]; raises
    `UserError`.
    """
    return square(open_image(source, name), size)
