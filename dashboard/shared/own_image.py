"""The visitor's own image: an uploaded file or a photo, in place of the test images.

The image stays in this visitor's session and is never part of the address. All pages share it.
"""

from __future__ import annotations

import weakref

import numpy as np
import streamlit as st

from dashboard.drawing.markdown import sentence
from dashboard.shared import own_crop, popovers
from vitcore.data.images import SUFFIXES, open_image
from vitcore.errors import UserError
from vitcore.preprocessing import DEFAULT, Preprocessing

KEY, HELD = "own_image", "own_image_held"
MOST_HELD = 200_000_000  # bytes of the images of all sessions
FILE, CAMERA = "File", "Camera"
SQUARE = "The center square is used; you can move it afterwards."


class _Held:
    """The size of the image of one session, for as long as the session lives."""

    def __init__(self, size: int) -> None:
        self.size = size


_held: weakref.WeakSet[_Held] = weakref.WeakSet()


def _keep(content: bytes, name: str) -> None:
    """Keep an image in the session. Raise `UserError` if those of all sessions are too large together."""
    replaced: _Held | None = st.session_state.get(HELD)
    others = sum(one.size for one in list(_held) if one is not replaced)
    if others + len(content) > MOST_HELD:
        raise UserError("This server has no room for another image: try a smaller file, or try again later.")
    st.session_state[KEY], st.session_state[HELD] = (content, name), _Held(len(content))
    _held.add(st.session_state[HELD])


def get() -> tuple[bytes, str] | None:
    """Return the content and the name of the visitor's image, or None."""
    return st.session_state.get(KEY)


def forget() -> None:
    """Go back to the test images."""
    st.session_state.pop(KEY, None)
    st.session_state.pop(HELD, None)


def decoded(data: bytes, name: str, size: int, preprocessing: Preprocessing = DEFAULT) -> np.ndarray:
    """Decode an image to uint8 [3, size, size], cropped or padded as the visitor has chosen."""
    return own_crop.decoded(data, name, size, own_crop.chosen(), preprocessing)


def control() -> None:
    """Draw a popover for upload and removal. An invalid file shows an error and keeps the previous image."""
    with popovers.popover("Own image", "own_image", icon=":material/upload:", width="stretch"):
        _body()


def _body() -> None:
    if own := get():
        st.caption("Your image is shown on every page. It stays in this session and is not part of the link.")
        if st.button("Back to the test images", width="stretch"):
            forget()
            popovers.close("own_image")
            st.rerun()
        own_crop.control(*own)
    generation = st.session_state.setdefault("upload_generation", 0)
    source = st.segmented_control(
        "From", [FILE, CAMERA], default=FILE, key="own_from", required=True, label_visibility="collapsed",
    )  # fmt: skip
    if source == CAMERA:
        upload = st.camera_input(f"A photo. {SQUARE}", key=f"photo_{generation}", width=360)
    else:
        upload = st.file_uploader(
            f"PNG, JPEG or WebP, up to 10 MB and 25 megapixels. {SQUARE}",
            type=sorted(suffix.removeprefix(".") for suffix in SUFFIXES),
            key=f"upload_{generation}",
        )
    if upload is None:
        return
    content = upload.getvalue()
    name = upload.name if source == FILE else "your photo"
    try:
        open_image(content, upload.name)
        _keep(content, name)
    except UserError as error:
        st.error(sentence(error))
        return
    st.session_state.upload_generation = generation + 1  # a new, empty uploader
    own_crop.reset()
    popovers.close("own_image", own_crop.announcement(content, name))
    st.rerun()
