"""The image of the first page and what two models make of it: stored readings at once, any other one live."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard.shared import resources, selection
from vitcore.data import Dataset
from vitcore.runs.folder import Run

WARM_AFTER_S = 2.0  # the page is drawn by then: importing torch takes a core for seconds


@dataclass(frozen=True)
class FeaturedImage:
    """An image uint8 [3, S, S]; `place` is its place among the stored readings, None where a model is asked
    now.
    """

    image: np.ndarray
    truth: int | None
    name: str
    place: int | None


def choose(data: Dataset, index: np.ndarray) -> FeaturedImage:
    """One row: the class, another image of it, or an own one. `index` [classes]: the test images, one per
    class, whose readings are stored. Class and number are in the address.
    """
    classes_place, next_place, own_place = st.columns([5.6, 1.45, 1.35], vertical_alignment="center")
    own: tuple[bytes, str] | None = st.session_state.get("own_image")
    selection.check_link("look", data.classes, "cat")
    kind = classes_place.segmented_control(
        "Image", data.classes, default="cat", key="look", bind="query-params", required=True,
        label_visibility="collapsed", on_change=_first, disabled=bool(own),
    )  # fmt: skip
    label = data.classes.index(kind)
    members = np.flatnonzero(data.test.labels == label)
    asked = selection.parse_whole(st.query_params.get("nth", "1"), 0)
    number = asked if 1 <= asked <= len(members) else 1
    if number != asked:
        selection.warn_missing([st.query_params.pop("nth")], f"{kind}, test image 1 of {len(members)}")
    next_place.button(
        "Next image", key="another", icon=":material/skip_next:", width="stretch", disabled=bool(own),
        on_click=_go_to, args=(number % len(members) + 1,), help=f"{len(members)} test images of each class",
    )  # fmt: skip
    with own_place:
        selection.own_image_control()
    if own:
        return FeaturedImage(selection.decoded(*own, data.size), None, own[1], None)
    at = members[number - 1]
    name = f"{kind}, test image {number} of {len(members)}"
    return FeaturedImage(data.test.images[at], label, name, label if at == index[label] else None)


def _first() -> None:
    st.query_params.pop("nth", None)


def _go_to(number: int) -> None:
    st.query_params["nth"] = str(number)


def reading(
    run: Run, stored: Mapping[str, np.ndarray], shown: FeaturedImage
) -> tuple[np.ndarray, np.ndarray]:
    """(map [h, w], probabilities [classes]) of an image: stored where it is, otherwise of the model."""
    if shown.place is not None:
        return stored["maps"][shown.place], stored["probabilities"][shown.place]
    resources.model(run)
    return _reading(resources.stamp_of(run), shown.image.tobytes(), shown.image.shape)


@st.cache_resource(max_entries=64, show_spinner=False)
def _reading(stamp: tuple, pixels: bytes, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    import torch

    from vitcore.analysis.first_look import explain

    image = torch.from_numpy(np.frombuffer(pixels, dtype=np.uint8).reshape(1, *shape).copy())
    maps, probabilities = explain(resources.loaded(*stamp), image)
    return maps[0].numpy(), probabilities[0].numpy()


@st.cache_resource(show_spinner=False)
def preload_torch() -> threading.Timer:
    """Import torch behind the first page, once per server: the next image or page need not wait for it."""
    timer = threading.Timer(WARM_AFTER_S, _import)
    timer.daemon = True
    timer.start()
    return timer


def _import() -> None:
    import vitcore.analysis.first_look  # noqa: F401
