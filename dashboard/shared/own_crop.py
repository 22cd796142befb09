"""The part of the visitor's own image that the models see: a square that can be moved, or the whole image.

Models take square images. The choice stays in this visitor's session, like the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw, ImageEnhance

from dashboard.drawing import pictures
from vitcore.data.images import contained, open_image, padded, square

GENERATION = "own_crop_generation"  # counts the images, so that each starts with its center square
SQUARE, WHOLE = "Square", "Whole image"
CENTER = 50  # percent of the way from the first square to the last
PREVIEW = 320  # pixels


@dataclass(frozen=True)
class Crop:
    """Which part of an image is used: the square at `position` along the longer side, or the padded image.

    `position` is 0 for the left or upper end, 1 for the other end.
    """

    position: float = CENTER / 100
    whole: bool = False


def chosen(slot: str = "") -> Crop:
    """Return the visitor's choice for the current image of a slot (see `own_image`)."""
    position = st.session_state.get(_key("position", slot), CENTER)
    return Crop(position / 100, st.session_state.get(_key("fit", slot), SQUARE) == WHOLE)


def reset(slot: str = "") -> None:
    """Return to the center square, for a new image."""
    st.session_state[GENERATION + slot] = st.session_state.get(GENERATION + slot, 0) + 1


@st.cache_data(max_entries=32, show_spinner=False)
def decoded(data: bytes, name: str, size: int, crop: Crop) -> np.ndarray:
    """Decode the chosen part of an image to uint8 [3, size, size]."""
    image = open_image(data, name)
    return padded(image, size) if crop.whole else square(image, size, crop.position)


def square_of(width: int, height: int, position: float) -> tuple[int, int, int, int]:
    """Return the used square of an image in pixels: left, top, right, bottom."""
    side = max(1, min(width, height))
    left, top = round((width - side) * position), round((height - side) * position)
    return left, top, left + side, top + side


def announcement(data: bytes, name: str, slot: str = "") -> str:
    """Return a sentence about a new image, which says how it is cropped."""
    width, height = open_image(data, name).size
    used = "" if width == height else " The models see its center square. Open Own image to move it."
    shown = f"{name} is now on the right." if slot else f"Every page now shows {name}."
    return shown + used


def control(data: bytes, name: str, slot: str = "") -> None:
    """Draw the image with the square that is used, and the choices of another one."""
    preview = _preview(data, name)
    if preview.width == preview.height:
        return
    picture_place, controls = st.columns([1, 1.8], vertical_alignment="center")
    with controls:
        st.segmented_control(
            "Part",
            [SQUARE, WHOLE],
            default=SQUARE,
            key=_key("fit", slot),
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
        if not chosen(slot).whole:
            st.slider(
                "Position of the square",
                0,
                100,
                CENTER,
                format="%d %%",
                key=_key("position", slot),
                persist_state="session",
            )
        crop = chosen(slot)
        shown = "The whole image, padded with the mean color" if crop.whole else "The bright square is used"
        st.caption(f"{shown}: models take square images.")
    picture_place.markdown(f"![{shown}]({pictures.encoded(_marked(preview, crop))})")


@st.cache_data(max_entries=32, show_spinner=False)
def _preview(data: bytes, name: str) -> Image.Image:
    """Return the image reduced or enlarged to fit into a square of `PREVIEW` pixels."""
    return contained(open_image(data, name), PREVIEW)


def _marked(preview: Image.Image, crop: Crop) -> Image.Image:
    """Return the image with everything outside the square darkened, or the padded image.

    It is square with transparent margins, since the style sheet makes all pictures square.
    """
    if crop.whole:
        return pictures.picture(padded(preview, PREVIEW))
    box = square_of(*preview.size, crop.position)
    marked = ImageEnhance.Brightness(preview).enhance(0.35)
    marked.paste(preview.crop(box), box)
    left, top, right, bottom = box
    outline = (left, top, max(left, right - 1), max(top, bottom - 1))
    ImageDraw.Draw(marked).rectangle(outline, outline="white", width=2)
    framed = Image.new("RGBA", (PREVIEW, PREVIEW))
    framed.paste(marked, ((PREVIEW - marked.width) // 2, (PREVIEW - marked.height) // 2))
    return framed


def _key(name: str, slot: str) -> str:
    return f"own{slot}_{name}_{st.session_state.get(GENERATION + slot, 0)}"
