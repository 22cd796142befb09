"""One image, changed in many ways, and what two models answer to each: moved through in the browser alone.

The server computes every picture and every answer beforehand, so that what is shown is what the models saw.
Only painting asks it again: the element triggers `mask` with a 0 or 1 for each cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, pack, style

HERE = Path(__file__).parent

PART = Part(
    (HERE / "replay.html").read_text(),
    style(HERE / "replay.css"),
    bundle(HERE / "replay.js"),
)
_element = PART.element("vitlab.replay")


@dataclass(frozen=True)
class Frames:
    """Pictures uint8 [P, F, 3, S, S], one for all models or one each, and probabilities [M, F, classes].

    The F frames are rows x columns, row by row. `start`: the frame of the unchanged image. `cells`: a side,
    where cells can be painted over.
    """

    pictures: np.ndarray
    chances: np.ndarray
    rows: list[str]
    columns: list[str]
    start: int
    cells: int = 0


def replay(
    frames: Frames,
    look: dict[str, Any],
    *,
    key: str,
    painted: tuple[str, np.ndarray] | None = None,
    on_mask: Callable[[], None] = lambda: None,
) -> None:
    """Mount it; the arguments are those of `message`."""
    _element(key=key, data=message(frames, look, painted), on_mask_change=on_mask)


def message(frames: Frames, look: dict[str, Any], painted: tuple[str, np.ndarray] | None = None) -> bytes:
    """What the browser reads. `look`: "models" (label and color of each), "classes", "truth" (or None),
    "name" of the image, "hint", "unit" in words, "blank" (the color of painted cells), "mode" ("drag": the
    pointer moves through both axes; "again": a slider for the rows, a button for the columns; "pick": buttons
    for the columns), "kind" (the name of its frame in the address), and, where the address is to be left
    alone, "at" (what would stand there). `painted`: a mask and the answers to it [M, classes].
    """
    header = {
        **look,
        "size": frames.pictures.shape[-1],
        "views": len(frames.pictures),
        "rows": frames.rows,
        "columns": frames.columns,
        "start": frames.start,
        "cells": frames.cells,
        "painted": None if painted is None else {"mask": painted[0], "chances": painted[1].tolist()},
    }
    pixels = np.ascontiguousarray(frames.pictures.transpose(0, 1, 3, 4, 2)).tobytes()
    pixels += b"\0" * (-len(pixels) % 4)
    return pack(header, pixels, frames.chances.astype("<f4").tobytes())
