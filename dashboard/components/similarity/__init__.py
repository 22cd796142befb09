"""The similarity of position embeddings: a map for each patch, and the hovered patch's map enlarged."""

from __future__ import annotations

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


def similarity(values: np.ndarray, *, key: str) -> None:
    """Mount the maps. `values`: see `message`."""
    _element(key=key, data=message(values))


def message(values: np.ndarray) -> bytes:
    """Return the message for the browser: cosine similarities of N = side^2 positions, float [N, N]."""
    return pack({"count": len(values)}, values.astype("<f4").tobytes())
