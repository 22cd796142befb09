"""From image to tokens, step by step; played, stepped through and hovered in the browser alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.components.packing import pack, script

HERE = Path(__file__).parent

_element = st.components.v2.component(
    "vitlab.stepper",
    html=(HERE / "stepper.html").read_text(),
    css=(HERE / "stepper.css").read_text(),
    js=script(HERE / "stepper.js"),
    isolate_styles=False,
)


def stepper(
    image: np.ndarray,
    patch: int,
    tokens: np.ndarray | None,
    positions: np.ndarray | None,
    *,
    key: str,
    note: str,
) -> None:
    """The image uint8 [3, S, S] cut into patches of `patch` pixels; a model's projected tokens and positions,
    both float32 [T, D], or None with a `note` that says why not.
    """
    shape = (0, 0) if tokens is None else tokens.shape
    header = {
        "size": image.shape[-1],
        "patch": patch,
        "tokens": shape[0],
        "dim": shape[1],
        "note": note,
        "limit": 1.0 if tokens is None else float(np.quantile(np.abs(tokens + positions), 0.98)),
    }
    pixels = np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes()
    pixels += b"\0" * (-len(pixels) % 4)
    floats = [] if tokens is None else [a.astype("<f4").tobytes() for a in (tokens, positions)]
    _element(key=key, data=pack(header, pixels, *floats))
