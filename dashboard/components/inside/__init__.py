"""What the steppers through a block and through a convolution share: message, HTML, CSS and modules."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, pack, style

HERE = Path(__file__).parent


def stepper_part(name: str) -> Part:
    """Return the client side of the stepper in the folder `name`: its choices, its CSS and its module."""
    own = HERE.parent / name
    choices = (own / f"{name}.html").read_text(encoding="utf-8").rstrip()
    html = Template((HERE / "inside.html").read_text(encoding="utf-8")).substitute(name=name, choices=choices)
    css = style(HERE / "inside.css") + (own / f"{name}.css").read_text(encoding="utf-8")
    return Part(name, html, css, bundle(own / f"{name}.js"))


def message(header: dict[str, Any], image: np.ndarray, floats: bytes, crops: bytes = b"") -> bytes:
    """Return the message for the browser: the header, float32 arrays, image uint8 [3, S, S], crops.

    `data.js` of each stepper describes the format.
    """
    return pack(header, floats, np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes(), crops)
