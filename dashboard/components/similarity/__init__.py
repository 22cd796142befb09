"""The similarity of position embeddings: a map for each patch, and the hovered patch's map enlarged."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, pack, style

HERE = Path(__file__).parent

PART = Part(
    "similarity",
    '<div class="similarity"><canvas class="similarity-all" role="img" tabindex="0"></canvas>'
    '<div><canvas class="similarity-chosen" role="img"></canvas>'
    '<div class="similarity-scale"><span>\u22121</span>'
    '<canvas width="256" height="1"></canvas><span>1</span></div>'
    '<p class="similarity-text" aria-live="polite"></p><p class="similarity-value"></p>'
    '<div class="files" role="group" aria-label="Download these maps"></div></div></div>',
    style(HERE / "similarity.css"),
    bundle(HERE / "similarity.js"),
)
_element = PART.element()


WIDTH = 448  # pixels of the figure, about: in a tile with fewer pixels than its map, positions are lost


def similarity(values: np.ndarray, *, key: str) -> int:
    """Mount the maps, and return their number. `values`: see `message`."""
    _element(key=key, data=message(values))
    return len(tiles(len(values)))


def tiles(count: int) -> np.ndarray:
    """Return the positions of N = side^2 that have a map: all, or those of every few rows and columns."""
    side = math.isqrt(count)
    grid = np.arange(count).reshape(side, side)
    step = next(step for step in range(1, side + 1) if -(-side // step) * side <= WIDTH or step == side)
    return grid[::step, ::step].ravel()


def message(values: np.ndarray) -> bytes:
    """Return the message for the browser: cosine similarities of N = side^2 positions, float [N, N].

    Of many positions, it has only the rows of `tiles`.
    """
    rows = tiles(len(values))
    step = int(rows[1] - rows[0]) if len(rows) > 1 else 1
    return pack({"count": len(values), "step": step}, values[rows].astype("<f4").tobytes())
