"""Small pictures from arrays: images, maps in cividis, and maps over images. Uses numpy and Pillow.

Each value is one pixel. The browser enlarges the pictures without smoothing.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image, ImageDraw
from plotly.colors import sample_colorscale

from dashboard.drawing.markdown import escape


def _colors(name: str) -> np.ndarray:
    """Return 256 colors of a Plotly scale as uint8 [256, 3]."""
    found = sample_colorscale(name, np.linspace(0, 1, 256).tolist())
    return np.array([[int(v) for v in c[4:-1].split(",")] for c in found], dtype=np.uint8)


CIVIDIS = _colors("Cividis")  # amounts
SIGNED = _colors("PuOr_r")  # differences: violet below zero, orange above; safe for color-blind eyes
# The tints of overlays: colors that photographs seldom have, and that color-blind eyes can tell apart.
MAGENTA, GREEN = np.array([255, 0, 128], dtype=np.uint8), np.array([160, 230, 0], dtype=np.uint8)
TINT_SHARE = 0.65  # share of the tint where a map is at its limit
MARKED_SIZE = 512  # pixels of the side of `with_patch`, at least
SCALE_STEPS, SCALE_GRAY = 64, 150
OVERLAY_FOOT = "Each map: untinted where it is lowest, magenta where it is highest."  # of saved pictures
SCALE_ALT = "Color scale"  # selected by the style sheet


def picture(image: np.ndarray) -> Image.Image:
    """Return an image uint8 [3, S, S] as a picture of S x S pixels."""
    return Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))


def data_url(image: np.ndarray) -> str:
    """Return an image uint8 [3, S, S] as a data URL of a PNG."""
    return encoded(picture(image))


def with_patch(image: np.ndarray, rows: int, patch: tuple[int, int] | None) -> Image.Image:
    """Return an image uint8 [3, S, S] enlarged, cut into `rows` x `rows` patches, one of them in a frame.

    `patch` is (row, column), from 0. With one row, there are no lines.
    """
    size = image.shape[1]
    zoom = max(1, -(-MARKED_SIZE // size))
    made = picture(image).resize((size * zoom, size * zoom), Image.Resampling.NEAREST).convert("RGBA")
    lines, step = Image.new("RGBA", made.size), size * zoom / rows
    pen = ImageDraw.Draw(lines)
    for i in range(1, rows):
        at = round(i * step)
        pen.line([(at, 0), (at, made.height)], fill=(255, 255, 255, 90))
        pen.line([(0, at), (made.width, at)], fill=(255, 255, 255, 90))
    if patch:
        top, left = (round(i * step) for i in patch)
        box = (left, top, round(left + step), round(top + step))
        pen.rectangle(box, outline=(0, 0, 0, 255), width=9)
        pen.rectangle([box[0] + 2, box[1] + 2, box[2] - 2, box[3] - 2], outline=(255, 255, 255, 255), width=5)
    return Image.alpha_composite(made, lines).convert("RGB")


def encoded(made: Image.Image) -> str:
    """Return a picture as a data URL of a PNG."""
    packed = io.BytesIO()
    made.save(packed, "PNG")
    return f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()}"


def panel(title: str, made: Image.Image, alt: str, words: str) -> str:
    """Return Markdown of a picture between its title and the Markdown text `words`.

    Such a picture is drawn with the page. `st.image` first loads a script, which delays it by 300 ms or more,
    and then fetches a file that the server may have removed, because the page has run again in the meantime.
    """
    return f"**{title}**\n\n![{escape(alt)}]({encoded(made)})\n\n{words}"


def color(values: np.ndarray, low: float, high: float, colors: np.ndarray = CIVIDIS) -> np.ndarray:
    """Return values [h, w] as uint8 [h, w, 3]: `low` has the first of the colors, and `high` the last."""
    share = np.nan_to_num(np.clip((values - low) / max(high - low, 1e-12), 0, 1))
    return colors[(share * 255).round().astype(int)]


def largest(values: np.ndarray) -> str:
    """Return where a map [h, w] is largest, for the alternative text of its picture."""
    if not np.ptp(values):
        return "the same everywhere"
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    return f"largest at row {row + 1}, column {column + 1} of {values.shape[0]} x {values.shape[1]} positions"


def overlay(
    image: np.ndarray,
    values: np.ndarray,
    *,
    limits: tuple[float, float] | None = None,
    signed: bool = False,
) -> Image.Image:
    """Return the photograph uint8 [3, k h, k w] below a map [h, w], as the attention explorer draws it.

    The photograph is unchanged where the map is at its lower limit, and the more magenta the larger the map
    is. `limits` are by default the smallest and the largest value. A `signed` map has limits (-x, x): it
    leaves the photograph unchanged at zero, and tints it magenta above zero and green below.
    """
    low, high = limits or (float(values.min()), float(values.max()))
    if signed:
        low = 0.0
    share = np.clip((values - low) / max(high - low, 1e-12), -1.0 if signed else 0.0, 1)
    down, right = image.shape[1] // values.shape[0], image.shape[2] // values.shape[1]
    share = share.repeat(down, axis=0).repeat(right, axis=1)[..., None]  # [k h, k w, 1]
    amount = TINT_SHARE * np.abs(share)
    mixed = (1 - amount) * image.transpose(1, 2, 0) + amount * np.where(share < 0, GREEN, MAGENTA)
    return Image.fromarray(mixed.round().astype(np.uint8))


def overlay_scale(low: str, high: str, *, signed: bool = False) -> str:
    """Return the color scale of `overlay` on a gray photograph between its two labels, as Markdown."""
    return f"{low} ![{SCALE_ALT}]({overlay_bar(signed=signed)}) {high}"


def overlay_bar(*, signed: bool = False) -> str:
    """Return the colors of `overlay` on a gray photograph, from the lowest value to the highest, as a PNG."""
    shares = np.linspace(-1 if signed else 0, 1, SCALE_STEPS)[None]
    gray = np.full((3, 1, SCALE_STEPS), SCALE_GRAY, dtype=np.uint8)
    return encoded(overlay(gray, shares, limits=(-1, 1) if signed else (0, 1), signed=signed))


def tiles(items: np.ndarray, columns: int, gap: int, zoom: int = 1) -> Image.Image:
    """Return tiles uint8 [N, h, w, 3] in rows of `columns`, each enlarged `zoom` times.

    `gap` transparent pixels separate them.
    """
    count, h, w, _ = items.shape
    h, w = h * zoom, w * zoom
    rows = -(-count // columns)
    sheet = np.zeros((rows * (h + gap) - gap, columns * (w + gap) - gap, 4), dtype=np.uint8)
    for i, tile in enumerate(items):
        top, left = i // columns * (h + gap), i % columns * (w + gap)
        sheet[top : top + h, left : left + w, :3] = tile.repeat(zoom, axis=0).repeat(zoom, axis=1)
        sheet[top : top + h, left : left + w, 3] = 255
    return Image.fromarray(sheet)
