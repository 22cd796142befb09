"""A grid of small images with the predictions of two models. A click opens an image without a reload."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.components.bundle import bundle
from dashboard.components.packing import pack

HERE = Path(__file__).parent

_element = st.components.v2.component(
    "vitlab.gallery",
    html='<div class="gallery" role="list"></div>',
    css=(HERE / "gallery.css").read_text(encoding="utf-8"),
    js=bundle(HERE / "gallery.js"),
    isolate_styles=False,
)


@dataclass(frozen=True)
class Card:
    """One image: its class, its number within the class, the link that opens it, and the models' predictions.

    Each prediction: label, confidence, whether it is correct, color and name of the model.
    """

    truth: str
    number: int
    href: str
    predictions: list[tuple[str, str, bool, str, str]]


def gallery(cards: list[Card], images: np.ndarray, *, key: str) -> int | None:
    """Draw the images, uint8 [N, 3, S, S], and return the index of the image that was just clicked."""
    pixels = np.ascontiguousarray(images.transpose(0, 2, 3, 1)).tobytes()
    header = {"size": images.shape[-1], "cards": [asdict(card) for card in cards]}
    return _element(key=key, data=pack(header, pixels), on_open_change=lambda: None).open
