"""A file that a component asked for: the browser saves it as soon as it arrives. Streamlit's download button
knows what the server last heard, not what is seen.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, pack

HERE = Path(__file__).parent

_element = Part("<i hidden></i>", "", bundle(HERE / "download.js")).element("vitlab.gift")


def offer_download(content: bytes, name: str, kind: str, *, key: str) -> None:
    """Give it once, in the run of the script that was asked for it. `kind`: its MIME type."""
    header = {"name": name, "kind": kind, "stamp": uuid.uuid4().hex}
    _element(key=key, data=pack(header, content))
