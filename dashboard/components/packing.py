"""How data go to a component: one bytes object; bytes inside a dictionary do not arrive (Streamlit 1.67)."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.drawing import pictures

SHARED = Path(__file__).parent / "shared"  # modules and style that several components use


def style(part: Path) -> str:
    """A component's own style after the shared one."""
    return "\n".join(path.read_text() for path in (*sorted(SHARED.glob("*.css")), part))


@dataclass(frozen=True)
class Part:
    """The client side of a component: an element on a page, or written into a file that needs no server."""

    html: str
    css: str
    js: str

    def element(self, name: str) -> Callable[..., Any]:
        """What mounts it with Streamlit."""
        return st.components.v2.component(
            name, html=self.html, css=self.css, js=self.js, isolate_styles=False
        )


def pack(header: dict[str, Any], *chunks: bytes) -> bytes:
    """uint32 length of the header, the header as JSON (with the colors of amounts and of differences in
    base64), padded to four bytes, then the chunks.
    """
    colors = {
        "colors": base64.b64encode(pictures.CIVIDIS.tobytes()).decode(),
        "signs": base64.b64encode(pictures.SIGNED.tobytes()).decode(),
    }
    text = json.dumps({**header, **colors}).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([struct.pack("<I", len(text)), text, *chunks])
