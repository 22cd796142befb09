"""From image to tokens, step by step; played, stepped through and hovered in the browser alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, pack, style

HERE = Path(__file__).parent

PART = Part(
    (HERE / "stepper.html").read_text(),
    style(HERE / "stepper.css"),
    bundle(HERE / "stepper.js"),
)
_element = PART.element("vitlab.stepper")


def stepper(*, key: str, **what: Any) -> None:
    """Mount it; `what`: the arguments of `message`."""
    _element(key=key, data=message(**what))


def message(
    image: np.ndarray,
    patch: int,
    tokens: np.ndarray | None,
    positions: np.ndarray | None,
    *,
    cls: bool = True,
    position: str = "learned",
    note: str = "",
    step: int | None = None,
) -> bytes:
    """The image uint8 [3, S, S] cut into patches of `patch` pixels; a model's projected tokens and positions,
    both float32 [T, D], or None with a `note` that says why not. `cls`: whether a token stands in front;
    `position`: of which kind the positions are; `step`: begin there, and leave the address alone.
    """
    known = tokens is not None
    parts = [tokens, positions, tokens + positions] if known else []
    header = {
        "size": image.shape[-1],
        "patch": patch,
        "tokens": len(tokens) if known else 0,
        "dim": tokens.shape[1] if known else 0,
        "cls": cls,
        "position": position,
        "note": note,
        "step": step,
        "limit": _limit(parts[-1]) if known else 1.0,
        "spreads": [float(np.nan_to_num(part.std())) for part in parts],
    }
    pixels = np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes()
    pixels += b"\0" * (-len(pixels) % 4)
    floats = [part.astype("<f4").tobytes() for part in parts[:2]]
    return pack(header, pixels, *floats)


def _limit(values: np.ndarray) -> float:
    """Where the colors end: 98 of 100 values are within."""
    finite = np.abs(values[np.isfinite(values)])
    return max(float(np.quantile(finite, 0.98)), 1e-6) if finite.size else 1.0
