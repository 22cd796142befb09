"""Images from users are oriented and cropped, or rejected with one sentence."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from vitcore.data.images import MAX_BYTES, check_photo, open_image, read_photo, square
from vitcore.errors import UserError


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_formats(kind):
    pixels = square(open_image(encode(Image.new("RGB", (90, 40), (200, 10, 30)), kind)), 32)
    assert pixels.shape == (3, 32, 32)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.mean(axis=(1, 2)) - [200, 10, 30]).max() < 6


DEEP = {
    "float.tif": np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8),
    "integer.tif": np.arange(64, dtype=np.int32).reshape(8, 8) * 2**24,
}


@pytest.mark.parametrize("name", DEEP)
def test_images_of_unknown_range_are_refused(tmp_path, name):
    Image.fromarray(DEEP[name]).save(tmp_path / name)
    for read in (
        lambda file: read_photo(file, 8),
        lambda file: check_photo(file, decode=True),
        lambda file: check_photo(file, decode=False),
    ):
        with pytest.raises(UserError, match=rf"{name}.* 8 bits"):
            read(tmp_path / name)


@pytest.mark.parametrize("suffix", ["png", "pgm", "tif"])
def test_images_of_16_bits_keep_their_brightness(tmp_path, suffix):
    Image.fromarray(np.full((8, 8), 128 * 257, np.uint16)).save(tmp_path / f"deep.{suffix}")
    assert (read_photo(tmp_path / f"deep.{suffix}", 8) == 128).all()


def test_check_tells_images_of_a_single_color(tmp_path):
    for name, step in (("plain.png", 0), ("other.png", 1)):
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * step).save(tmp_path / name)
        assert check_photo(tmp_path / name, decode=True) == bool(step)


def test_square_keeps_the_center():
    wide = np.zeros((20, 60, 3), dtype=np.uint8)
    wide[:, 20:40] = 255
    assert square(open_image(encode(Image.fromarray(wide))), 20).mean() > 250


def test_orientation_is_respected():
    pixels = np.zeros((32, 32, 3), dtype=np.uint8)
    pixels[:16] = 255  # bright above
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    turned = square(open_image(encode(Image.fromarray(pixels), "JPEG", exif=exif, quality=95)), 32)
    assert turned[:, :, 18:].mean() > 245
    assert turned[:, :, :14].mean() < 10


def test_transparency_becomes_white():
    assert square(open_image(encode(Image.new("RGBA", (8, 8), (0, 0, 0, 0)))), 8).min() == 255


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
def test_invalid_images_are_rejected(data, words):
    with pytest.raises(UserError, match=words) as caught:
        open_image(data, "picture.png")
    assert str(caught.value).startswith("picture.png")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_truncated_image_is_rejected_at_any_length(kind):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), kind)
    for share in (0.02, 0.1, 0.5, 0.9):
        with pytest.raises(UserError):
            open_image(data[: int(len(data) * share)], "picture")


def test_sixteen_bit_gray_is_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    pixels = square(open_image(encode(Image.fromarray(ramp))), 64)
    assert abs(pixels.mean() - 127.5) < 1
    assert pixels[0, 0, 0] == 0
    assert pixels[0, -1, -1] == 255


def with_exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    return encode(Image.fromarray(noise), "JPEG", exif=exif)


@settings(max_examples=400)
@given(
    kind=st.sampled_from(["PNG", "WEBP", "EXIF"]),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_tampered_bytes_are_read_or_rejected_without_other_errors(kind, changes):
    data = bytearray(with_exif() if kind == "EXIF" else encode(Image.effect_noise((24, 24), 90), kind))
    for place, value in changes:
        reach = 120 if kind == "EXIF" else len(data)  # the orientation is at the beginning
        data[int(place * min(reach, len(data)))] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pillow's, about corrupt EXIF data
        try:
            shape = square(open_image(bytes(data), "picture"), 8).shape
        except UserError:
            return
    assert shape == (3, 8, 8)


def test_a_photo_of_200_megapixels_is_not_too_large(tmp_path):
    file = tmp_path / "phone.png"
    file.write_bytes(huge_png(16_320, 12_240))  # of the phones with the most pixels
    assert check_photo(file, decode=False)
    file.write_bytes(huge_png(16_400, 12_240))
    with pytest.raises(UserError, match="200 megapixels"):
        check_photo(file, decode=False)


@pytest.mark.skipif(not features.check("avif"), reason="this pillow does not read AVIF")
def test_damaged_avif_is_read_or_rejected_without_other_errors(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), "AVIF")
    file, first = tmp_path / "photo.avif", data.index(b"mdat") + 4  # of the compressed pixels
    refused = 0
    for place in range(first, first + 24):
        file.write_bytes(data[:place] + bytes([data[place] ^ 0x5A]) + data[place + 1 :])
        try:
            check_photo(file, decode=True)
        except UserError:
            refused += 1
    assert refused


def test_missing_file_is_reported(tmp_path):
    with pytest.raises(UserError, match="Cannot read"):
        open_image(tmp_path / "nothing.png")
