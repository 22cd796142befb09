"""How data are sent to a component: as one bytes object.

Streamlit 1.67 does not transfer bytes inside a dictionary.
"""

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

SHARED = Path(__file__).parent / "shared"  # modules and styles that several components use


def style(own: Path) -> str:
    """Return the shared styles, then the component's own."""
    return "\n".join(path.read_text(encoding="utf-8") for path in (*sorted(SHARED.glob("*.css")), own))


@dataclass(frozen=True)
class Part:
    """The client side of a component, for an element on a page or for a standalone HTML file."""

    name: str
    html: str
    css: str
    js: str

    def element(self) -> Callable[..., Any]:
        """Register it with Streamlit, and return the function that mounts it."""
        return st.components.v2.component(
            f"vitlab.{self.name}", html=self.html, css=self.css, js=self.js, isolate_styles=False
        )


def pack(header: dict[str, Any], *chunks: bytes) -> bytes:
    """Return a message: uint32 length of the header, the header as padded JSON, then the chunks.

    The padding aligns the chunks to four bytes. The header also gets the color tables for amounts
    ("colors") and for signed values ("diverging"), in base64, and the tint of overlays on photographs.
    """
    colors: dict[str, Any] = {
        "colors": base64.b64encode(pictures.CIVIDIS.tobytes()).decode(),
        "diverging": base64.b64encode(pictures.SIGNED.tobytes()).decode(),
        "tint": {"color": pictures.MAGENTA.tolist(), "share": pictures.TINT_SHARE},
    }
    text = json.dumps({**header, **colors}).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([struct.pack("<I", len(text)), text, *chunks])
