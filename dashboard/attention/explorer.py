"""The explorer's data: computed for the address, and sent unless the browser already has it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import numpy as np
import streamlit as st

from dashboard.attention.state import ExplorerState
from dashboard.components.explorer import explorer, message
from dashboard.drawing import theme
from dashboard.shared import bound, model_outputs
from dashboard.shared.selection import SelectedImage
from vitcore.data import Dataset
from vitcore.runs.folder import Run

REMEMBERED = 64  # frames that a browser is assumed to hold; it requests those that it has dropped


@dataclass(frozen=True)
class ExplorerRequest:
    """What an address selects besides run and image. `mask` is bool [S, S], or None."""

    snapshot: Path | None
    positions: bool
    over_test: bool
    query: int
    mask: np.ndarray | None


def read_request(run: Run, chosen: SelectedImage, at: Mapping[str, str]) -> ExplorerRequest:
    """Read an address. Ignores values that do not fit."""
    state, _ = ExplorerState.read(at)
    by_step = {step_of(path): path for path in run.snapshots}
    return ExplorerRequest(
        snapshot=by_step.get(state.snapshot) if state.snapshot else None,
        positions=state.content == "positions",
        over_test=state.over == "test",
        query=_token(run, state.query),
        mask=_mask(state.mask or "", chosen.image),
    )


def unavailable(header: Mapping[str, Any], at: Mapping[str, str]) -> list[str]:
    """Return the parameters (`name=value`) of an address that this explorer cannot show."""
    state, refused = ExplorerState.read(at)
    side, steps = header["side"], [one["step"] for one in header["snapshots"]]

    def exists(token: str | None) -> bool:
        if token is None or token == "cls":
            return token is None or header["first"] == 1
        return max(map(int, token.split("."))) <= side

    def counted(place: str | int | None, most: int) -> bool:
        return place in (None, "mean") or int(place) <= most

    fits = {
        "query": exists(state.query),
        "second": exists(state.second),
        "layer": counted(state.layer, header["layers"]),
        "head": counted(state.head, header["heads"]),
        "snapshot": state.snapshot is None or state.snapshot in steps,
    }
    return [*refused, *(f"{name}={at[name]}" for name, good in fits.items() if not good)]


def step_of(path: Path) -> int:
    """Return the step in the name of a snapshot, such as step-0000351.safetensors."""
    return int(path.stem.split("-")[-1])


def _token(run: Run, text: str | None) -> int:
    """Return the index of a token. Without a valid one: CLS, or the central patch if there is no CLS."""
    _, side, has_cls = model_outputs.tokens_of(run)
    row, column = (int(n) for n in text.split(".")) if text and text != "cls" else (0, 0)
    if 1 <= row <= side and 1 <= column <= side:
        return has_cls + (row - 1) * side + column - 1
    return 0 if has_cls else side // 2 * (side + 1)


def _mask(text: str, image: np.ndarray) -> np.ndarray | None:
    """Return the painted pixels of this image: <start of its digest>.<one bit per pixel, base64>."""
    stem, _, body = text.partition(".")
    size = image.shape[-1]
    if stem != image_key(image) or not body:
        return None
    try:
        data = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except ValueError:
        return None
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    if len(bits) < size * size or not bits[: size * size].any():
        return None
    return bits[: size * size].reshape(size, size).astype(bool)


def image_key(image: np.ndarray) -> str:
    """Return the start of the image's digest, which a painted mask names."""
    return model_outputs.digest(image)[:6]


def show(
    run: Run,
    chosen: SelectedImage,
    data: Dataset,
    *,
    key: str = "explorer",
    at: MutableMapping[str, str] | None = None,
) -> tuple[model_outputs.AttentionView, ExplorerRequest]:
    """Draw the explorer for a run and an image. Return what it shows. Raises `UserError`.

    `at` is the state if it is not in the address of the page.
    """
    place = bound.address() if at is None else at
    header, found, request = prepare(run, chosen, data, place)
    if at is not None:
        header |= {"address": urlencode(at), "talk": True}
    elif f"{key}_told" not in st.session_state:  # once: a model selected later may lack it
        st.session_state[f"{key}_told"] = True
        if missing := unavailable(header, place):
            bound.warn_missing(missing, "the defaults")
    sent: dict[str, None] = st.session_state.setdefault(f"{key}_sent", {})
    explorer(
        message(header, chosen.image, None if found.key in sent else found.packed),
        key=key,
        on_ask=partial(_on_request, key, place),
    )
    sent[found.key] = None
    while len(sent) > REMEMBERED:
        del sent[next(iter(sent))]
    return found, request


def prepare(
    run: Run, chosen: SelectedImage, data: Dataset, at: Mapping[str, str]
) -> tuple[dict[str, Any], model_outputs.AttentionView, ExplorerRequest]:
    """Return (header, view, request) of an address: all that the explorer needs. Raises `UserError`."""
    request = read_request(run, chosen, at)
    image = None if request.positions else chosen.image
    found = model_outputs.view(
        run, image, request.snapshot, request.query, None if request.positions else request.mask
    )
    before = None
    if request.mask is not None and not request.positions:
        before = model_outputs.view(run, chosen.image, request.snapshot, request.query).probabilities.tolist()
    distance, entropy, count = found.distance, found.entropy, 1
    if request.over_test:
        distance, entropy, count = model_outputs.heads(run, data, request.snapshot)
    _, side, has_cls = model_outputs.tokens_of(run)
    snapshots = [{"step": step_of(path), "label": f"step {step_of(path):,}"} for path in run.snapshots]
    label = f"step {step_of(request.snapshot):,}" if request.snapshot else ""
    header = {
        "key": found.key,
        "shape": f"{found.layers} {found.heads} {found.tokens} {side}",
        "layers": found.layers,
        "heads": found.heads,
        "tokens": found.tokens,
        "side": side,
        "first": int(has_cls),
        "size": chosen.image.shape[-1],
        "only": found.only,
        "name": chosen.name,
        "own": chosen.own,
        "run": run.title,
        "step": label,
        "stem": image_key(chosen.image),
        "mean": model_outputs.mean_color().tolist(),
        "classes": list(data.classes),
        "truth": chosen.truth,
        "probabilities": found.probabilities.tolist(),
        "before": before,
        "distance": distance.tolist(),
        "entropy": entropy.tolist(),
        "count": count,
        "references": found.references,
        "snapshots": [*snapshots, {"step": None, "label": "best weights"}] if snapshots else [],
        "hue": theme.hue(run.config.model),
        "parameters": ExplorerState.for_browser(),
    }
    return header, found, request


def _on_request(key: str, at: MutableMapping[str, str]) -> None:
    """Handle a request of the browser, such as `look?query=3.4&snapshot=351`.

    The request carries the browser's state, since Streamlit does not read the address again. `need` asks for
    a frame that the browser has dropped, `file` for this view as a file.
    """
    # The element no longer exists if the browser went back to another page in the meantime.
    sent = st.session_state.get(key) or {}
    kind, _, text = str(sent.get("ask") or "").partition("?")
    if kind == "need":
        st.session_state[f"{key}_sent"] = {}
    st.session_state[f"{key}_file"] = kind == "file"
    given = dict(parse_qsl(text))
    for name in ExplorerState.model_fields:
        if given.get(name) != at.get(name):
            if name in given:
                at[name] = given[name]
            else:
                del at[name]
