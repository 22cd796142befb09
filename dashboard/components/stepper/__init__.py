"""From image to tokens in five steps. Playing, stepping and hovering need no server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dashboard.components.bundle import bundle
from dashboard.components.packing import Part, pack, style

HERE = Path(__file__).parent

PART = Part(
    "stepper",
    (HERE / "stepper.html").read_text(encoding="utf-8"),
    style(HERE / "stepper.css"),
    bundle(HERE / "stepper.js"),
)
_element = PART.element()


def stepper(*, key: str, **arguments: Any) -> None:
    """Mount the stepper. `arguments`: those of `message`."""
    _element(key=key, data=message(**arguments))


def message(
    image: np.ndarray,
    patch: int,
    tokens: np.ndarray | None,
    positions: np.ndarray | None,
    *,
    cls: bool = True,
    others: int = 0,
    position: str = "learned",
    note: str = "",
    step: int | None = None,
) -> bytes:
    """Return the message for the browser: an image uint8 [3, S, S] in patches of `patch` pixels.

    `tokens`, `positions`: the model's projected tokens and its positions, both float32 [T, D], or None; then
    `note` gives the reason. `cls`: whether the first token is CLS. `others`: how many other tokens
    without pixels the model has, which are left out. `position`: "learned", "sincos", "rotary" or
    "none".
    `step`: the first step (from 1); the address then stays unchanged.
    """
    known = tokens is not None
    parts = [tokens, positions, tokens + positions] if known else []
    header = {
        "size": image.shape[-1],
        "patch": patch,
        "tokens": len(tokens) if known else 0,
        "dim": tokens.shape[1] if known else 0,
        "cls": cls,
        "others": others,
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
    """Return the 98 % quantile of the absolute values, where the color scale ends."""
    finite = np.abs(values[np.isfinite(values)])
    return max(float(np.quantile(finite, 0.98)), 1e-6) if finite.size else 1.0
