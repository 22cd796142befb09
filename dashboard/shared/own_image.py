"""The visitor's own image: an uploaded file or a photo, in place of the test images.

The image stays in this visitor's session and is never part of the address. All pages share it.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard.drawing.markdown import sentence
from dashboard.shared import own_crop, popovers
from vitcore.data.images import SUFFIXES, open_image
from vitcore.errors import UserError

KEY = "own_image"
FILE, CAMERA = "File", "Camera"
SQUARE = "The center square is used; you can move it afterwards."


def get() -> tuple[bytes, str] | None:
    """Return the content and the name of the visitor's image, or None."""
    return st.session_state.get(KEY)


def forget() -> None:
    """Go back to the test images."""
    st.session_state.pop(KEY, None)


def decoded(data: bytes, name: str, size: int) -> np.ndarray:
    """Decode an image to uint8 [3, size, size], cropped or padded as the visitor has chosen."""
    return own_crop.decoded(data, name, size, own_crop.chosen())


def control() -> None:
    """Draw a popover for upload and removal. An invalid file shows an error and keeps the previous image."""
    with popovers.popover("Own image", "own_image", icon=":material/upload:", width="stretch"):
        _body()


def _body() -> None:
    if own := get():
        st.caption("Your image is shown on every page. It stays in this session and is not part of the link.")
        if st.button("Back to the test images", width="stretch"):
            st.session_state[KEY] = None
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
    try:
        open_image(content, upload.name)
    except UserError as error:
        st.error(sentence(error))
        return
    name = upload.name if source == FILE else "your photo"
    st.session_state[KEY] = (content, name)
    st.session_state.upload_generation = generation + 1  # a new, empty uploader
    own_crop.reset()
    popovers.close("own_image", own_crop.announcement(content, name))
    st.rerun()
