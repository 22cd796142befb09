"""One image with many changes, and the predictions of two models for each of them.

The server computes all pictures and predictions in advance, so that the browser shows exactly what the models
received. Only painting needs the server: the element triggers `mask` with a 0 or 1 for each cell.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, pack, style
from vitcore.probes.live import Frames

HERE = Path(__file__).parent

PART = Part(
    "replay",
    (HERE / "replay.html").read_text(encoding="utf-8"),
    style(HERE / "replay.css"),
    bundle(HERE / "replay.js"),
)
_element = PART.element()


def replay(
    frames: Frames,
    view: dict[str, Any],
    *,
    key: str,
    painted: tuple[str, np.ndarray] | None = None,
) -> None:
    """Mount the replay. The arguments are those of `message`."""
    _element(key=key, data=message(frames, view, painted), on_mask_change=lambda: None)


def message(frames: Frames, view: dict[str, Any], painted: tuple[str, np.ndarray] | None = None) -> bytes:
    """Return the message for the browser.

    `painted`: a mask and the probabilities for it [M, classes]. `view` describes what is shown:

    - "models": label and color of each
    - "classes", "truth" (an index or None), "name" of the image, "hint"
    - "unit": the name of the rows, for example "Cells"
    - "blank": the color of painted cells
    - "mode": "drag" (the pointer moves along both axes), "again" (a slider for the rows, a button for the
      columns) or "pick" (a slider for the rows, buttons for the columns)
    - "kind": the query parameter of the frame
    - "at": query parameters to use instead of those in the address, which then stays unchanged
    """
    header = {
        **view,
        "size": frames.pictures.shape[-1],
        "views": len(frames.pictures),
        "rows": frames.rows,
        "columns": frames.columns,
        "start": frames.start,
        "cells": frames.cells,
        "step": frames.step,
        "painted": None if painted is None else {"mask": painted[0], "probabilities": painted[1].tolist()},
    }
    pixels = np.ascontiguousarray(frames.pictures.transpose(0, 1, 3, 4, 2)).tobytes()
    pixels += b"\0" * (-len(pixels) % 4)
    return pack(header, pixels, frames.probabilities.astype("<f4").tobytes())
