"""The visitor's own images: files, pasted images or photos, in place of the test images.

The images stay in this visitor's session and are never part of the address. All pages show one of them. A
page that compares two images has a second one, in the slot `RIGHT`.
"""

from __future__ import annotations

import threading
import weakref
from typing import NamedTuple

import numpy as np
import streamlit as st

from dashboard.drawing.markdown import sentence
from dashboard.shared import messages, own_crop, popovers
from vitcore import numbers
from vitcore.data.images import MAX_BYTES, SUFFIXES, open_image
from vitcore.data.photos import Photo
from vitcore.errors import UserError
from vitcore.preprocessing import DEFAULT, Preprocessing

KEY, HELD, LIST = "own_image", "own_image_held", "own_images"
SHOWN = "own_image_shown"  # whether the page of this session shows such an image
RIGHT = "_right"  # the slot of a second image; the first has the slot ""
MOST_HELD = 200_000_000  # bytes of the images of all sessions
MOST_MB = MAX_BYTES // 2**20
MOST = 8  # images of a session; Streamlit's server takes as many files at once
FILE, PASTE, CAMERA = "File", "Paste", "Camera"
SQUARE = "The center square is used; you can move it afterwards."
TYPES = sorted(suffix.removeprefix(".") for suffix in SUFFIXES)


class OwnImage(NamedTuple):
    """An image of this session. `number` counts them."""

    content: bytes
    name: str
    number: int


class _Held:
    """The size of the images of one session, for as long as the session lives."""

    def __init__(self, size: int) -> None:
        self.size = size


_held: weakref.WeakSet[_Held] = weakref.WeakSet()
_lock = threading.Lock()  # two visitors who upload at once must not both get the last free bytes


def _keep(added: list[tuple[bytes, str]], slot: str) -> None:
    """Keep images in the session, and show the first of them. The oldest beyond `MOST` are dropped.

    Raise `UserError` if the images of all sessions are too large together.
    """
    state = st.session_state
    earlier: list[OwnImage] = state.get(LIST + slot, [])
    first = earlier[-1].number + 1 if earlier else state.get(own_crop.GENERATION + slot, 0) + 1
    new = [OwnImage(content, name, first + i) for i, (content, name) in enumerate(added)]
    kept = [*earlier, *new][-MOST:]
    size = sum(len(file.content) for file in kept)
    replaced: _Held | None = state.get(HELD + slot)
    with _lock:
        others = sum(image.size for image in list(_held) if image is not replaced)
        if others + size > MOST_HELD:
            raise UserError(
                "This server has no room for another image: try a smaller file, or try again later."
            )
        state[LIST + slot], state[HELD + slot] = kept, _Held(size)
        _held.add(state[HELD + slot])
    _show(new[0], slot)


def _show(image: OwnImage, slot: str) -> None:
    st.session_state[KEY + slot] = (image.content, image.name)
    own_crop.show_crop_of(image.number, slot)


def get(slot: str = "") -> tuple[bytes, str] | None:
    """Return the content and the name of the visitor's image that is shown, or None."""
    return st.session_state.get(KEY + slot)


def forget(slot: str = "") -> None:
    """Go back to the test images."""
    for key in (KEY, HELD, LIST):
        st.session_state.pop(key + slot, None)


def decoded(
    data: bytes, name: str, size: int, preprocessing: Preprocessing = DEFAULT, slot: str = ""
) -> tuple[np.ndarray, str]:
    """Decode an image to uint8 [3, size, size], cropped or padded as the visitor has chosen.

    Return it with its name, which says what part is shown. Notes that the page shows it: see `is_shown`.
    """
    st.session_state[SHOWN] = True
    crop = own_crop.chosen(preprocessing, slot)
    pixels = own_crop.decoded(data, name, size, crop, preprocessing)
    return pixels, own_crop.named(data, name, crop, preprocessing)


def start_page() -> None:
    """Note that the page, which is about to be drawn, shows no image of the visitor yet."""
    st.session_state[SHOWN] = False


def is_shown() -> bool:
    """Return whether the page that was last drawn shows an image of the visitor, in any slot."""
    return st.session_state.get(SHOWN, False)


def control(preprocessing: Preprocessing = DEFAULT, slot: str = "", *, photo: Photo | None = None) -> None:
    """Draw a popover for upload, removal and crop. Invalid files are named, and the others are kept.

    `preprocessing` is that of the model on the page. If the page shows a bundled photograph, `photo`, another
    square of it can be chosen, too.
    """
    label = "Own image or crop" if photo else "Own image"
    label = f"{label} on the right" if slot else label
    with popovers.popover(label, KEY + slot, icon=":material/upload:", width="stretch"):
        _body(preprocessing, slot, photo)


def _body(preprocessing: Preprocessing, slot: str, photo: Photo | None) -> None:
    if own := get(slot):
        where = "on the right" if slot else "on every page"
        st.caption(f"Your image is shown {where}. It stays in this session and is not part of the link.")
        _choice(slot)
        others = "photographs" if photo else "test images"
        if st.button(f"Back to the {others}", width="stretch", key=f"own{slot}_back"):
            forget(slot)
            popovers.close(KEY + slot)
            st.rerun()
        own_crop.control(*own, preprocessing, slot)
    elif photo:
        own_crop.control(
            photo.file.read_bytes(), photo.title, preprocessing, own_crop.photo_slot(photo.name, slot)
        )
    counter = f"upload_generation{slot}"
    generation = st.session_state.setdefault(counter, 0)
    given = _given(generation, slot)
    if not given:
        return
    valid: list[tuple[bytes, str]] = []
    problems: list[str] = []
    for content, name in given:
        try:
            open_image(content, name)
            valid.append((content, name))
        except UserError as error:
            problems.append(str(error))
    try:
        if valid:
            _keep(valid, slot)
    except UserError as error:
        valid, problems = [], [str(error)]
    if not valid:
        for problem in problems:
            st.error(sentence(problem))
        return
    st.session_state[counter] = generation + 1  # a new, empty uploader
    popovers.close(KEY + slot, own_crop.announcement(*valid[0], preprocessing, slot))
    if len(valid) > 1:
        messages.announce(f"{numbers.count(len(valid), 'image')} can be chosen in Own image.")
    for problem in problems:  # apart from the sentence above, because a long message is cut
        messages.announce(problem, icon=None)
    st.rerun()


def _given(generation: int, slot: str) -> list[tuple[bytes, str]]:
    """Draw the ways to give images, and return the contents and names of those that were just given."""
    source = st.segmented_control(
        "From",
        [FILE, PASTE, CAMERA],
        default=FILE,
        key=f"own{slot}_from",
        required=True,
        label_visibility="collapsed",
    )
    if source == CAMERA:
        photo = st.camera_input(f"A photo. {SQUARE}", key=f"photo{slot}_{generation}", width=360)
        return [(photo.getvalue(), "your photo")] if photo else []
    if source == PASTE:
        pasted = st.chat_input(
            "Click here, paste an image, press Enter",
            key=f"paste{slot}_{generation}",
            accept_file="multiple",
            file_type=TYPES,
            max_upload_size=MOST_MB,
        )
        st.caption(SQUARE)
        return [(file.getvalue(), file.name) for file in (pasted.files if pasted else [])][:MOST]  # type: ignore[union-attr]  # text and files
    files = st.file_uploader(
        f"PNG, JPEG or WebP, up to {MOST_MB} MB and 25 megapixels each. {SQUARE}",
        type=TYPES,
        accept_multiple_files=True,
        max_upload_size=MOST_MB,
        key=f"upload{slot}_{generation}",
    )
    return [(file.getvalue(), file.name) for file in files][:MOST]


def _choice(slot: str) -> None:
    """Draw the choice among several images of the session."""
    images: list[OwnImage] = st.session_state.get(LIST + slot, [])
    if len(images) < 2:
        return
    by_number = {image.number: image for image in images}
    uploads = st.session_state.get(f"upload_generation{slot}", 0)  # a new choice after each upload
    key = f"own{slot}_shown_{uploads}"
    names = {one.number: f"{i}. {one.name}" for i, one in enumerate(images, start=1)}
    st.selectbox(
        "Shown",
        list(names),
        index=list(names).index(st.session_state[own_crop.GENERATION + slot]),
        format_func=names.__getitem__,
        key=key,
        on_change=lambda: _show(by_number[st.session_state[key]], slot),
    )
