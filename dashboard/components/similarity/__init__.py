"""How alike the positions of patches are: hover one, and its map stands beside."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, pack, style

HERE = Path(__file__).parent

PART = Part(
    '<div class="alike"><canvas class="alike-all" role="img" tabindex="0"></canvas>'
    '<div><canvas class="alike-one" role="img"></canvas><div class="alike-scale"><span>\u22121</span>'
    '<canvas width="256" height="1"></canvas><span>1</span></div>'
    '<p class="alike-words" aria-live="polite"></p><p class="alike-value"></p>'
    '<div class="files" role="group" aria-label="Download these maps"></div></div></div>',
    style(HERE / "similarity.css"),
    bundle(HERE / "similarity.js"),
)
_element = PART.element("vitlab.similarity")


def similarity(values: np.ndarray, *, key: str) -> None:
    """Mount it; see `message`."""
    _element(key=key, data=message(values))


def message(values: np.ndarray) -> bytes:
    """Cosine similarities of N = side^2 patches, float [N, N]; colors run from -1 to 1."""
    return pack({"count": len(values)}, values.astype("<f4").tobytes())
