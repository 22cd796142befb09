"""A download without a click on a download button: the browser saves the file as soon as it arrives.

Components use it for files of what is on the screen. Streamlit's download button would offer the state of
the last rerun.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, pack

HERE = Path(__file__).parent

_element = Part("download", "<i hidden></i>", "", bundle(HERE / "download.js")).element()


def offer_download(content: bytes, name: str, kind: str, *, key: str) -> None:
    """Make the browser save a file once.

    Call it only in the rerun in which the user asks for the file. `kind`: its MIME type.
    """
    header = {"name": name, "type": kind, "id": uuid.uuid4().hex}
    _element(key=key, data=pack(header, content))
