"""The part of the visitor's own image that the models see: a square that can be moved, or the whole image.

Models take square images. The choice stays in this visitor's session, like the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw, ImageEnhance

from dashboard.drawing import pictures
from vitcore.data.images import contained, open_image, padded, square, square_of
from vitcore.preprocessing import DEFAULT, Preprocessing

GENERATION = "own_crop_generation"  # the number of the image, so that each keeps its own square
SQUARE, WHOLE = "Square", "Whole image"
CENTER = 50  # percent of the way from the first square to the last
LEAST = 10  # percent of the shorter side
PREVIEW = 320  # pixels


@dataclass(frozen=True)
class Crop:
    """Which part of an image is used: a square, or the whole image with padding.

    `position` is the place of the square along the longer side, and `across` along the shorter one: 0 for the
    left or upper end, 1 for the other end. `share` is its side as a share of the shorter side, None for that
    of the model.
    """

    position: float = CENTER / 100
    whole: bool = False
    across: float = CENTER / 100
    share: float | None = None


def chosen(preprocessing: Preprocessing = DEFAULT, slot: str = "") -> Crop:
    """Return the visitor's choice for the current image of a slot (see `own_image`) and a model."""
    position, across = (
        st.session_state.get(_key(name, slot), CENTER) / 100 for name in ("position", "across")
    )
    usual = _percent(preprocessing)
    percent = st.session_state.get(_key(f"size_{usual}", slot), usual)
    share = None if percent == usual else percent / 100
    return Crop(position, st.session_state.get(_key("fit", slot), SQUARE) == WHOLE, across, share)


def show_crop_of(number: int, slot: str = "") -> None:
    """Continue with the crop of another image of this session. A new number starts with the center square."""
    st.session_state[GENERATION + slot] = number


def decoded(
    data: bytes, name: str, size: int, crop: Crop, preprocessing: Preprocessing = DEFAULT
) -> np.ndarray:
    """Decode the chosen part of an image to uint8 [3, size, size]."""
    return _decoded(data, name, size, crop, repr(preprocessing), preprocessing)


@st.cache_data(max_entries=32, show_spinner=False)
def _decoded(
    data: bytes, name: str, size: int, crop: Crop, how: str, _preprocessing: Preprocessing
) -> np.ndarray:
    image = open_image(data, name)
    if crop.whole:
        return padded(image, size, _preprocessing)
    if crop.share is not None:
        _preprocessing = _preprocessing.model_copy(update={"crop": crop.share})
    return square(image, size, crop.position, _preprocessing, crop.across)


def announcement(data: bytes, name: str, preprocessing: Preprocessing = DEFAULT, slot: str = "") -> str:
    """Return a sentence about a new image, which says how it is cropped."""
    width, height = open_image(data, name).size
    used = f"{used_square(preprocessing)} " if preprocessing.crop < 1 or width != height else ""
    return used + (f"{name} is now on the right." if slot else f"Every page now shows {name}.")


def used_square(preprocessing: Preprocessing) -> str:
    """Return a sentence that says which square of an image a model sees, unless the visitor moves it."""
    share = f", {_percent(preprocessing)} % of the shorter side" if preprocessing.crop < 1 else ""
    return f"The center square{share} is used."


def square_label(preprocessing: Preprocessing) -> str:
    """Return in a few words which square of an image a model sees, such as `center square, 90 %`."""
    return "center square" + (f", {_percent(preprocessing)} %" if preprocessing.crop < 1 else "")


def control(data: bytes, name: str, preprocessing: Preprocessing = DEFAULT, slot: str = "") -> None:
    """Draw the image with the square that is used, and the choices of another one."""
    preview = _preview(data, name)
    picture_place, controls = st.columns([1, 1.8], vertical_alignment="center")
    with controls:
        if preview.width != preview.height or preprocessing.crop < 1:
            st.segmented_control(
                "Part",
                [SQUARE, WHOLE],
                default=SQUARE,
                key=_key("fit", slot),
                required=True,
                label_visibility="collapsed",
                persist_state="session",
            )
        if not chosen(slot=slot).whole:
            _place_controls(preview, preprocessing, slot)
        crop = chosen(preprocessing, slot)
        shown = "The whole image, padded with the mean color" if crop.whole else "The bright square is used"
        st.caption(f"{shown}: models take square images.")
    picture_place.markdown(f"![{shown}]({pictures.encoded(_marked(preview, crop, preprocessing))})")


def _place_controls(preview: Image.Image, preprocessing: Preprocessing, slot: str) -> None:
    """Draw the sliders for the size of the square and for its place, where it can be moved."""
    usual = _percent(preprocessing)
    percent = st.slider(
        "Size of the square",
        LEAST,
        100,
        usual,
        format="%d %%",
        key=_key(f"size_{usual}", slot),
        help="Its side, as a share of the shorter side of the image. A model states its usual share.",
        persist_state="session",
    )
    wide = preview.width >= preview.height
    if preview.width != preview.height or percent < 100:
        st.slider(
            "From left to right" if wide else "From top to bottom",
            0,
            100,
            CENTER,
            format="%d %%",
            key=_key("position", slot),
            persist_state="session",
        )
    if percent < 100:
        st.slider(
            "From top to bottom" if wide else "From left to right",
            0,
            100,
            CENTER,
            format="%d %%",
            key=_key("across", slot),
            persist_state="session",
        )


@st.cache_data(max_entries=32, show_spinner=False)
def _preview(data: bytes, name: str) -> Image.Image:
    """Return the image reduced or enlarged to fit into a square of `PREVIEW` pixels."""
    return contained(open_image(data, name), PREVIEW)


def _marked(preview: Image.Image, crop: Crop, preprocessing: Preprocessing = DEFAULT) -> Image.Image:
    """Return the image with everything outside the square darkened, or the padded image.

    It is square with transparent margins, since the style sheet makes all pictures square.
    """
    if crop.whole:
        return pictures.picture(padded(preview, PREVIEW, preprocessing))
    share = preprocessing.crop if crop.share is None else crop.share
    left, top, right, bottom = (
        round(side) for side in square_of(*preview.size, PREVIEW, crop.position, share, crop.across)
    )
    box = left, top, max(left + 1, right), max(top + 1, bottom)
    marked = ImageEnhance.Brightness(preview).enhance(0.35)
    marked.paste(preview.crop(box), box)
    outline = (left, top, max(left, box[2] - 1), max(top, box[3] - 1))
    ImageDraw.Draw(marked).rectangle(outline, outline="white", width=2)
    framed = Image.new("RGBA", (PREVIEW, PREVIEW))
    framed.paste(marked, ((PREVIEW - marked.width) // 2, (PREVIEW - marked.height) // 2))
    return framed


def _percent(preprocessing: Preprocessing) -> int:
    return round(100 * preprocessing.crop)


def _key(name: str, slot: str) -> str:
    return f"own{slot}_{name}_{st.session_state.get(GENERATION + slot, 0)}"
