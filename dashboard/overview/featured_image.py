"""The image of the Overview page, and the maps and predictions of two models for it.

For the first image of each class they are stored. For any other image the models compute them.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard.shared import bound, own_image, resources
from dashboard.shared.turns import limited
from dashboard.states.overview import OverviewState
from vitcore.architectures import ARCHITECTURES
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.runs.folder import Run

METHODS = {"vit": "attention rollout", "resnet": "Grad-CAM"}  # of the maps; the models from left to right
PRELOAD_AFTER_S = 2.0  # the page is drawn by then; importing torch occupies a core for seconds


@dataclass(frozen=True)
class FeaturedImage:
    """An image uint8 [3, S, S]. `place` is the index of its stored maps, None if the models compute them."""

    image: np.ndarray
    truth: int | None
    name: str
    place: int | None


def bundled_pair() -> list[Run]:
    """Return the bundled runs whose maps are shown. Raise `UserError` if one is missing."""
    bundled = resources.bundled()
    if missing := [ARCHITECTURES[model].label for model in METHODS if model not in bundled]:
        raise UserError(
            f"The bundled {' and '.join(missing)} is missing: get a complete copy of the project."
        )
    return [bundled[model] for model in METHODS]


def stored_maps(run: Run) -> dict[str, np.ndarray]:
    """Return the stored maps and probabilities of a bundled run. Raise `UserError` without them."""
    stored = resources.first_look(run)
    if stored is None:
        raise UserError(f"The stored maps of {run.title} are missing: get a complete copy of the project.")
    return stored


def map_title(run: Run) -> str:
    """Return the heading of a run's map: its architecture and the method."""
    return f"{ARCHITECTURES[run.config.model].label}: {METHODS[run.config.model]}"


def choose(data: Dataset, index: np.ndarray) -> FeaturedImage:
    """Draw the controls for the class, the next image of it, or an uploaded image. Return the chosen image.

    `index` [classes] holds the test image of each class whose maps are stored. The address keeps the class
    and the number of the image.
    """
    classes_place, next_place, own_place = st.columns([5.6, 1.45, 1.35], vertical_alignment="center")
    own = own_image.get()
    first = OverviewState().look
    bound.check_link(OverviewState, "look", data.classes, first)
    kind = (
        classes_place.segmented_control(
            "Image",
            data.classes,
            required=True,
            label_visibility="collapsed",
            on_change=_first,
            disabled=bool(own),
            **OverviewState.bound("look"),
        )
        or first
    )
    label = data.classes.index(kind)
    members = np.flatnonzero(data.test.labels == label)
    number = _number(kind, len(members))
    next_place.button(
        "Next image",
        key="another",
        icon=":material/skip_next:",
        width="stretch",
        disabled=bool(own),
        on_click=_go_to,
        args=(number % len(members) + 1,),
        help=f"{len(members)} test images of each class",
    )
    with own_place:
        own_image.control(data.preprocessing)
    if own:
        pixels, name = own_image.decoded(*own, data.size, data.preprocessing)
        return FeaturedImage(pixels, None, name, None)
    position = members[number - 1]
    name = f"{kind}, test image {number} of {len(members)}"
    place = label if position == index[label] else None
    return FeaturedImage(data.test.images[position], label, name, place)


def _number(kind: str, count: int) -> int:
    """Return the number in the address. If there is no such image, warn and return 1."""
    wanted = bound.address().get(OverviewState.parameter("nth"))
    state, refused = bound.read(OverviewState)
    if state.nth <= count and "nth" not in refused:
        return state.nth
    _first()
    bound.warn_missing([wanted or ""], f"{kind}, test image 1 of {count}")
    return 1


def _first() -> None:
    bound.write(OverviewState, nth=None)


def _go_to(number: int) -> None:
    bound.write(OverviewState, nth=number)


def reading(
    run: Run, stored: Mapping[str, np.ndarray], shown: FeaturedImage
) -> tuple[np.ndarray, np.ndarray]:
    """Return the map [h, w] and the probabilities [classes] of a run for an image, stored or computed."""
    if shown.place is not None:
        return stored["maps"][shown.place], stored["probabilities"][shown.place]
    resources.model(run)
    return _reading(resources.stamp_of(run), shown.image.tobytes(), shown.image.shape)


@st.cache_resource(max_entries=64, show_spinner=False)
@limited
def _reading(stamp: resources.Stamp, pixels: bytes, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    import torch

    from vitcore.analysis.first_look import explain

    image = torch.from_numpy(np.frombuffer(pixels, dtype=np.uint8).reshape(1, *shape).copy())
    maps, probabilities = explain(stamp.model(), image)
    return maps[0].numpy(), probabilities[0].numpy()


@st.cache_resource(show_spinner=False)
def preload_torch() -> threading.Timer:
    """Import torch in the background, once per server, so that the next image or page needs no wait."""
    timer = threading.Timer(PRELOAD_AFTER_S, _import_torch)
    timer.daemon = True
    timer.start()
    return timer


def _import_torch() -> None:
    import vitcore.analysis.first_look  # noqa: F401
