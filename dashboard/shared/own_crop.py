"""The part of an image that the models see: a square that can be moved, or the whole image.

Models take square images. The choice for the visitor's own image stays in this session, like the image. That
for a bundled photograph is also part of the address.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw, ImageEnhance

from dashboard.drawing import pictures
from vitcore.data.images import check_header, contained, open_image, padded, square, square_of
from vitcore.preprocessing import DEFAULT, Preprocessing

GENERATION = "own_crop_generation"  # the number of the image, so that each keeps its own square
SQUARE, WHOLE = "Square", "Whole image"
CENTER = 50  # percent of the way from the first square to the last
WHOLE_IN_LINK = "whole"
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

    @classmethod
    def of(cls, text: str | None) -> Crop:
        """Return the part in a link: `whole`, or `ALONG.ACROSS` or `ALONG.ACROSS.SIZE` in percent."""
        if not text or text == WHOLE_IN_LINK:
            return cls(whole=bool(text))
        along, across, *size = (int(part) / 100 for part in text.split("."))
        return cls(along, False, across, size[0] if size else None)

    def text(self) -> str | None:
        """Return the part as a link has it, or None for the usual square."""
        if self.whole:
            return WHOLE_IN_LINK
        if self == Crop():
            return None
        parts = (self.position, self.across, *([] if self.share is None else [self.share]))
        return ".".join(str(round(100 * part)) for part in parts)

    def words(self, preprocessing: Preprocessing) -> str:
        """Return in a few words which part of an image is shown, such as `center square, 90 %`."""
        if self.whole:
            return "whole image, padded"
        percent = _percent(preprocessing) if self.share is None else round(100 * self.share)
        where = "center" if (self.position, self.across) == (0.5, 0.5) else "moved"
        return f"{where} square" + (f", {percent} %" if percent < 100 else "")


def chosen(preprocessing: Preprocessing = DEFAULT, slot: str = "") -> Crop:
    """Return the visitor's choice for the current image of a slot (see `own_image`) and a model."""
    position, across = (
        st.session_state.get(_key(name, slot), CENTER) / 100 for name in ("position", "across")
    )
    usual = _percent(preprocessing)
    percent = st.session_state.get(_key(f"size_{usual}", slot), usual)
    share = None if percent == usual else percent / 100
    return Crop(position, st.session_state.get(_key("fit", slot), SQUARE) == WHOLE, across, share)


def photo_slot(name: str, slot: str) -> str:
    """Return the slot of a bundled photograph, which keeps its own square in this session."""
    return f"{slot}_{name}"


def put(crop: Crop, preprocessing: Preprocessing, slot: str) -> None:
    """Choose a part of the current image of a slot before its controls are drawn."""
    st.session_state[_key("fit", slot)] = WHOLE if crop.whole else SQUARE
    for name, value in (("position", crop.position), ("across", crop.across)):
        st.session_state[_key(name, slot)] = round(100 * value)
    usual = _percent(preprocessing)
    st.session_state[_key(f"size_{usual}", slot)] = usual if crop.share is None else round(100 * crop.share)


def named(data: bytes, name: str, crop: Crop, preprocessing: Preprocessing) -> str:
    """Return the name of an image with the part that is shown, unless that is all of it."""
    width, height = check_header(data, name).size
    all_of_it = width == height and (crop.whole or (crop == Crop() and preprocessing.crop == 1))
    return name if all_of_it else f"{name}, {crop.words(preprocessing)}"


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


def control(data: bytes, name: str, preprocessing: Preprocessing = DEFAULT, slot: str = "") -> None:
    """Draw the image with the square that is used, and the choices of another one."""
    preview = _preview(data, name)
    picture_place, controls = st.columns([1, 1.8], vertical_alignment="center")
    with controls:
        if preview.width != preview.height or preprocessing.crop < 1:
            st.segmented_control(
                "Part",
                [SQUARE, WHOLE],
                key=_first("fit", slot, SQUARE),
                required=True,
                label_visibility="collapsed",
                persist_state="session",
            )
        if not chosen(preprocessing, slot).whole:
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
        format="%d %%",
        key=_first(f"size_{usual}", slot, usual),
        help="Its side, as a share of the shorter side of the image. A model states its usual share.",
        persist_state="session",
    )
    wide = preview.width >= preview.height
    if preview.width != preview.height or percent < 100:
        st.slider(
            "From left to right" if wide else "From top to bottom",
            0,
            100,
            format="%d %%",
            key=_first("position", slot, CENTER),
            persist_state="session",
        )
    if percent < 100:
        st.slider(
            "From top to bottom" if wide else "From left to right",
            0,
            100,
            format="%d %%",
            key=_first("across", slot, CENTER),
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


def _first(name: str, slot: str, value: int | str) -> str:
    """Return the key of a control with its first value. A link may have set another one."""
    key = _key(name, slot)
    st.session_state.setdefault(key, value)
    return key
