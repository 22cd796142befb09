"""Read an image from a file or an upload, and check it before decoding. Needs numpy and pillow, no torch."""

from __future__ import annotations

import contextlib
import io
import math
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps

from vitcore.errors import UserError
from vitcore.preprocessing import DEFAULT, Preprocessing
from vitcore.reading import GET_FILE, IS_POINTER, LFS_POINTER

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
FORMATS = ("PNG", "JPEG", "WEBP")
SIXTEEN_BITS = ("PNG", "PPM")  # pillow reads their 16 bits per pixel as 32 bits, from 0 to 65535
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
    RuntimeError,  # of the decoder of AVIF
    struct.error,
    zlib.error,
)
MAX_BYTES = 10 * 2**20
MAX_PIXELS = 25_000_000
LEAST_SIDE, MOST_RATIO = 4, 100  # of an upload: its sides in pixels, and how many times one is the other

# for the files of a dataset on this machine, which are the user's own and may come directly from a camera
PHOTO_FORMATS = (*FORMATS, "BMP", "DIB", "GIF", "TIFF", "PPM", "JPEG2000", "TGA", "PCX", "AVIF")
PHOTO_SUFFIXES = {
    *SUFFIXES,
    ".jfif",
    ".jpe",
    ".mpo",
    ".bmp",
    ".dib",
    ".gif",
    ".tif",
    ".tiff",
    ".ppm",
    ".pgm",
    ".pbm",
    ".pnm",
    ".jp2",
    ".j2k",
    ".tga",
    ".pcx",
    ".avif",
}
MAX_PHOTO_BYTES = 500 * 2**20
MAX_PHOTO_PIXELS = 200_000_000
# pillow itself refuses images of more than twice its limit, which was 89 million
Image.MAX_IMAGE_PIXELS = MAX_PHOTO_PIXELS


def open_image(source: str | Path | bytes, name: str = "") -> Image.Image:
    """Return a decoded RGB image.

    Apply the EXIF orientation, put transparency on white, and use the first frame of an animation. Raise
    `UserError` with one sentence for anything that is not a PNG, JPEG or WebP of at most 10 MB and 25
    megapixels. The size is read from the header, before any pixel is decoded.
    """
    name = name or (str(source) if not isinstance(source, bytes) else "The upload")
    return _decoded(check_header(source, name), name)


def _decoded(image: Image.Image, name: str) -> Image.Image:
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
    image = _identified(io.BytesIO(data), name, FORMATS, MAX_PIXELS)
    if image is None:
        kind = " but a HEIC photo" if _is_heic(data) else ""
        raise UserError(f"{name} is not a PNG, JPEG or WebP image{kind}: choose another file.")
    short, long = sorted(image.size)
    if short < LEAST_SIDE or long > MOST_RATIO * short:
        raise UserError(
            f"{name} is too narrow ({image.width} x {image.height}): choose an image of at least "
            f"{LEAST_SIDE} pixels on each side, with one side at most {MOST_RATIO} times the other."
        )
    return image


def _identified(file: IO[bytes], name: str, formats: tuple[str, ...], most: int) -> Image.Image | None:
    """Return the image in a file without decoding it, or None if the file has none of the formats.

    Raise `UserError` if it has more than `most` pixels.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is checked below
        try:
            image = Image.open(file, formats=formats)
        except Image.DecompressionBombError:
            raise UserError(_too_many(name, most=most)) from None
        except BROKEN:  # UnidentifiedImageError is an OSError
            return None
    if image.mode == "F" or (image.mode == "I" and image.format not in SIXTEEN_BITS):
        raise UserError(f"{name} has 32 bits per pixel, whose range is unknown: convert it to 8 bits.")
    if image.width * image.height > most:
        raise UserError(_too_many(name, image.width, image.height, most))
    return image


def _too_many(name: str, width: int = 0, height: int = 0, most: int = MAX_PIXELS) -> str:
    size = f" ({width} x {height})" if width else ""
    return f"{name} is too large{size}: choose an image of at most {most // 1_000_000} megapixels."


def _is_heic(start: bytes) -> bool:
    """Return whether a file begins as a HEIC photo (ISO/IEC 23008-12), regardless of its name."""
    return start[4:8] == b"ftyp" and start[8:12] in (
        b"heic",
        b"heix",
        b"hevc",
        b"heim",
        b"heis",
        b"mif1",
        b"msf1",
    )


def square(
    image: Image.Image,
    size: int,
    position: float = 0.5,
    preprocessing: Preprocessing = DEFAULT,
    across: float = 0.5,
) -> np.ndarray:
    """Return a square of an image, resized with antialiasing. -> uint8 [3, size, size]

    The side of the square is the shorter side of the image, times `crop` of the preprocessing. `position` is
    its place along the longer side, and `across` along the shorter one: 0 for the left or upper end, 0.5 for
    the center, 1 for the other end. The center square equals that of timm's and torchvision's transforms,
    which resize the whole image and then crop it.
    """
    whole, (left, top) = _resized(*image.size, size, position, preprocessing.crop, across)
    if whole[0] * whole[1] <= MAX_PIXELS:
        resized = image.resize(whole, _filter(preprocessing))
        return _channels_first(resized.crop((left, top, left + size, top + size)))
    # A narrow image would become too large.
    box = square_of(*image.size, size, position, preprocessing.crop, across)
    return _channels_first(image.resize((size, size), _filter(preprocessing), box=box))


def square_of(
    width: int, height: int, size: int, position: float = 0.5, crop: float = 1.0, across: float = 0.5
) -> tuple[float, float, float, float]:
    """Return the part of an image that `square` resizes to `size`, in pixels: left, top, right, bottom.

    Its borders may lie between pixels, because those of the resized image do not.
    """
    whole, (left, top) = _resized(width, height, size, position, crop, across)
    x, y = width / whole[0], height / whole[1]
    return left * x, top * y, min(width, (left + size) * x), min(height, (top + size) * y)


def _resized(
    width: int, height: int, size: int, position: float, crop: float, across: float
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the size to which an image is resized, and the left upper corner of its square."""
    short = math.floor(round(size / crop, 6))  # rounded, because 224 / (224 / 236) is just below 236
    long = int(short * max(width, height) / min(width, height))
    along, beside = round((long - size) * position), round((short - size) * across)
    return ((long, short), (along, beside)) if width >= height else ((short, long), (beside, along))


def padded(image: Image.Image, size: int, preprocessing: Preprocessing = DEFAULT) -> np.ndarray:
    """Return a whole image, resized with antialiasing and padded with the mean color of the model.

    -> uint8 [3, size, size]
    """
    whole = Image.new("RGB", (size, size), tuple(preprocessing.mean_color().tolist()))
    inner = contained(image, size, preprocessing)
    whole.paste(inner, (round((size - inner.width) / 2), round((size - inner.height) / 2)))
    return _channels_first(whole)


def contained(image: Image.Image, size: int, preprocessing: Preprocessing = DEFAULT) -> Image.Image:
    """Return an image resized so that its longer side has `size` pixels, and the other at least one."""
    longest = max(image.size)
    sides = (max(1, round(side * size / longest)) for side in image.size)
    return image.resize(tuple(sides), _filter(preprocessing))  # type: ignore[arg-type]


def _filter(preprocessing: Preprocessing) -> Image.Resampling:
    return Image.Resampling[preprocessing.interpolation.upper()]


def _channels_first(image: Image.Image) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


def read_photo(file: Path, size: int, preprocessing: Preprocessing = DEFAULT) -> np.ndarray:
    """Read a file of a dataset as model input before normalization. -> uint8 [3, size, size]

    All formats of `PHOTO_FORMATS` are read, up to 200 megapixels. A JPEG of more than 25 megapixels is
    decoded at a reduced size. Raise `UserError` with one sentence for a file that cannot be read.
    """
    with _photo(file) as image:
        if image.format in ("JPEG", "MPO") and image.width * image.height > MAX_PIXELS:
            # The smallest of 1/2, 1/4, 1/8 that is at least this large
            image.draft("RGB", (4 * size, 4 * size))
        return square(_decoded(image, shown_path(file)), size, preprocessing=preprocessing)


def check_photo(file: Path, *, decode: bool) -> bool:
    """Raise `UserError` as `read_photo` does. Return whether the image varies, as far as it was decoded.

    Without `decode`, only the header and the end of the file are read, which finds files that are cut short.
    """
    with _photo(file) as image:
        if decode:
            if image.format in ("JPEG", "MPO"):
                image.draft("RGB", (256, 256))
            bands = _decoded(image, shown_path(file)).getextrema()
            return any(low != high for low, high in bands)  # type: ignore[misc]  # RGB has several bands
        if not _is_complete(file, image.format or ""):
            raise UserError(
                f"{shown_path(file)} is damaged or incomplete: save it again, or choose another file."
            )
        return True


@contextlib.contextmanager
def _photo(file: Path) -> Iterator[Image.Image]:
    name = shown_path(file)
    Image.init()  # otherwise pillow reads only the common formats
    try:
        if (size := file.stat().st_size) > MAX_PHOTO_BYTES:
            raise UserError(f"{name} has {size / 2**20:.0f} MB: choose an image of at most 500 MB.")
        with open(file, "rb") as opened:
            start = opened.read(64)
            opened.seek(0)
            formats = tuple(kind for kind in PHOTO_FORMATS if kind in Image.OPEN)
            image = _identified(opened, name, formats, MAX_PHOTO_PIXELS)
            if image is None and start.startswith(LFS_POINTER):
                raise UserError(f"{name} {IS_POINTER}: {GET_FILE}.")
            if image is None and _is_heic(start):
                raise UserError(f"{name} is a HEIC photo despite its name: convert it to JPEG.")
            if image is None:
                raise UserError(f"{name} is not an image that can be read: convert it to PNG or JPEG.")
            yield image
    except OSError as error:
        raise UserError(
            f"{name} cannot be read ({error.strerror or error}): allow reading it, or remove it."
        ) from None


def _is_complete(file: Path, kind: str) -> bool:
    """Return whether a file ends as its format requires, as far as that is visible without decoding."""
    end = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND", "GIF": b"\x3b"}.get(kind)
    with open(file, "rb") as opened:
        if kind == "WEBP":
            header = opened.read(8)
            return file.stat().st_size >= 8 + int.from_bytes(header[4:8], "little")
        opened.seek(max(0, file.stat().st_size - 65_536))
        return end is None or end in opened.read()


def shown_path(file: Path) -> str:
    """Return a path as text, even if its bytes are not UTF-8."""
    return os.fsencode(file).decode("utf-8", "replace")
