"""The visitor's own image: an uploaded file or a photo, in place of the test images.

The image stays in this visitor's session and is never part of the address. All pages share it. A page that
compares two images has a second one, in the slot `RIGHT`.
"""

from __future__ import annotations

import weakref

import numpy as np
import streamlit as st

from dashboard.drawing.markdown import sentence
from dashboard.shared import own_crop, popovers
from vitcore.data.images import SUFFIXES, open_image
from vitcore.errors import UserError

KEY, HELD = "own_image", "own_image_held"
RIGHT = "_right"  # the slot of a second image; the first has the slot ""
MOST_HELD = 200_000_000  # bytes of the images of all sessions
FILE, CAMERA = "File", "Camera"
SQUARE = "The center square is used; you can move it afterwards."


class _Held:
    """The size of the image of one session, for as long as the session lives."""

    def __init__(self, size: int) -> None:
        self.size = size


_held: weakref.WeakSet[_Held] = weakref.WeakSet()


def _keep(content: bytes, name: str, slot: str) -> None:
    """Keep an image in the session. Raise `UserError` if those of all sessions are too large together."""
    replaced: _Held | None = st.session_state.get(HELD + slot)
    others = sum(one.size for one in list(_held) if one is not replaced)
    if others + len(content) > MOST_HELD:
        raise UserError("This server has no room for another image: try a smaller file, or try again later.")
    st.session_state[KEY + slot], st.session_state[HELD + slot] = (content, name), _Held(len(content))
    _held.add(st.session_state[HELD + slot])


def get(slot: str = "") -> tuple[bytes, str] | None:
    """Return the content and the name of the visitor's image, or None."""
    return st.session_state.get(KEY + slot)


def forget(slot: str = "") -> None:
    """Go back to the test images."""
    st.session_state.pop(KEY + slot, None)
    st.session_state.pop(HELD + slot, None)


def decoded(data: bytes, name: str, size: int, slot: str = "") -> np.ndarray:
    """Decode an image to uint8 [3, size, size], cropped or padded as the visitor has chosen."""
    return own_crop.decoded(data, name, size, own_crop.chosen(slot))


def control(slot: str = "") -> None:
    """Draw a popover for upload and removal. An invalid file shows an error and keeps the previous image."""
    label = "Own image on the right" if slot else "Own image"
    with popovers.popover(label, KEY + slot, icon=":material/upload:", width="stretch"):
        _body(slot)


def _body(slot: str) -> None:
    if own := get(slot):
        where = "on the right" if slot else "on every page"
        st.caption(f"Your image is shown {where}. It stays in this session and is not part of the link.")
        if st.button("Back to the test images", width="stretch", key=f"own{slot}_back"):
            forget(slot)
            popovers.close(KEY + slot)
            st.rerun()
        own_crop.control(*own, slot)
    counter = f"upload_generation{slot}"
    generation = st.session_state.setdefault(counter, 0)
    source = st.segmented_control(
        "From",
        [FILE, CAMERA],
        default=FILE,
        key=f"own{slot}_from",
        required=True,
        label_visibility="collapsed",
    )
    if source == CAMERA:
        upload = st.camera_input(f"A photo. {SQUARE}", key=f"photo{slot}_{generation}", width=360)
    else:
        upload = st.file_uploader(
            f"PNG, JPEG or WebP, up to 10 MB and 25 megapixels. {SQUARE}",
            type=sorted(suffix.removeprefix(".") for suffix in SUFFIXES),
            key=f"upload{slot}_{generation}",
        )
    if upload is None:
        return
    content = upload.getvalue()
    name = upload.name if source == FILE else "your photo"
    try:
        open_image(content, upload.name)
        _keep(content, name, slot)
    except UserError as error:
        st.error(sentence(error))
        return
    st.session_state[counter] = generation + 1  # a new, empty uploader
    own_crop.reset(slot)
    popovers.close(KEY + slot, own_crop.announcement(content, name, slot))
    st.rerun()
