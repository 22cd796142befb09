"""What the explorers and the steppers in the browser read from the address, and their requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from dashboard.shared import bound
from dashboard.shared.selection import SelectedImage
from vitcore.data import Dataset
from vitcore.runs.folder import Run

REMEMBERED = 64  # frames that the browser is assumed to keep; it requests a dropped frame again


def described(run: Run, chosen: SelectedImage, data: Dataset) -> dict[str, Any]:
    """Return what the header of every message says about the run, the image and its classes."""
    return {
        "size": chosen.image.shape[-1],
        "name": chosen.name,
        "truth": chosen.truth,
        "classes": list(data.classes),
        "run": run.title,
        "own": chosen.own,
    }


def place_or_warning(
    at: Mapping[str, str] | None, unavailable: Callable[[], list[str]], *, warned: str
) -> dict[str, Any]:
    """Return what the header of a message says about `at`, the state in a talk, which the page does not keep.

    Without it, the state is in the address. Then warn of the parameters that are `unavailable`, once in a
    session, which remembers it under the key `warned`: a model that is chosen later may lack a layer.
    """
    if at is not None:
        return {"address": urlencode(at), "talk": True}
    if warned not in st.session_state:
        st.session_state[warned] = True
        if missing := unavailable():
            bound.warn_missing(bound.as_written(missing, bound.address()), "the defaults")
    return {}


def remember(sent: dict[str, None], *keys: str) -> None:
    """Add the keys of frames to those that the browser has, and forget the oldest ones."""
    sent.update(dict.fromkeys(keys))
    while len(sent) > REMEMBERED:
        del sent[next(iter(sent))]


def request_of(key: str) -> tuple[str, dict[str, str]]:
    """Return the kind and the parameters of the request of the element `key`.

    A request is text such as `look?query=3.4&snapshot=351`.
    """
    # the element no longer exists if the browser went back to another page in the meantime
    event = st.session_state.get(key) or {}
    kind, _, text = str(event.get("ask") or "").partition("?")
    return kind, dict(parse_qsl(text))


def receive(key: str, at: MutableMapping[str, str], names: Iterable[str]) -> None:
    """Handle a request of the element `key`: copy the parameters `names` of its state into `at`.

    A request contains the state, because Streamlit does not read the address again. The kind is `look` for
    other numbers, `need` for a frame that the browser dropped, and `file` for an HTML file of the view. The
    stepper through a block has two kinds more.
    """
    kind, state = request_of(key)
    if kind == "need":
        st.session_state[f"{key}_sent"] = {}
    st.session_state[f"{key}_file"] = kind == "file"
    bound.change(at, {name: state.get(name) for name in names})
