"""Files that tests upload as a visitor's own image."""

from __future__ import annotations

import io

from PIL import Image


def png(size: tuple[int, int] = (80, 50), color: tuple[int, int, int] = (30, 90, 200)) -> bytes:
    """Return a PNG file of one color."""
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "PNG")
    return out.getvalue()
