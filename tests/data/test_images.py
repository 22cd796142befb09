"""Images from outside: oriented, cropped, and refused with a sentence when they are no good."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from vitcore.data.images import MAX_BYTES, read_image
from vitcore.errors import UserError


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_formats(kind):
    pixels = read_image(encode(Image.new("RGB", (90, 40), (200, 10, 30)), kind), 32)
    assert pixels.shape == (3, 32, 32)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.mean(axis=(1, 2)) - [200, 10, 30]).max() < 6


def test_the_centre_is_kept():
    wide = np.zeros((20, 60, 3), dtype=np.uint8)
    wide[:, 20:40] = 255
    assert read_image(encode(Image.fromarray(wide)), 20).mean() > 250


def test_orientation_is_respected():
    pixels = np.zeros((32, 32, 3), dtype=np.uint8)
    pixels[:16] = 255  # bright above
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    turned = read_image(encode(Image.fromarray(pixels), "JPEG", exif=exif, quality=95), 32)
    assert turned[:, :, 18:].mean() > 245
    assert turned[:, :, :14].mean() < 10


def test_transparency_becomes_white():
    assert read_image(encode(Image.new("RGBA", (8, 8), (0, 0, 0, 0))), 8).min() == 255


def huge_png(width: int, height: int) -> bytes:
    """A tiny file whose header promises a huge picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a PNG, JPEG or WebP"),
        (b"hello, I am a text", "not a PNG, JPEG or WebP"),
        (encode(Image.new("RGB", (9, 9)), "GIF"), "not a PNG, JPEG or WebP"),
        (b"%PDF-1.4 ...", "not a PNG, JPEG or WebP"),
        (huge_png(6000, 5000), "25 megapixels"),
        (huge_png(60_000, 50_000), "25 megapixels"),
        (bytes(MAX_BYTES + 1), "10 MB"),
    ],
    ids=["empty", "text", "gif", "pdf", "30 MP", "bomb", "too many bytes"],
)
def test_refused_with_a_sentence(data, words):
    with pytest.raises(UserError, match=words) as caught:
        read_image(data, 32, "picture.png")
    assert str(caught.value).startswith("picture.png")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_truncated_image_is_refused_at_any_length(kind):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), kind)
    for share in (0.02, 0.1, 0.5, 0.9):
        with pytest.raises(UserError):
            read_image(data[: int(len(data) * share)], 32, "picture")


def test_a_missing_file_gets_a_sentence(tmp_path):
    with pytest.raises(UserError, match="Cannot read"):
        read_image(tmp_path / "nothing.png", 32)
