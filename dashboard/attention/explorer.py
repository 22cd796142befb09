"""The explorer's data: what the address asks for, computed, and sent unless the browser has it already."""

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
from dashboard.shared import model_outputs
from dashboard.shared.selection import Chosen, say_missing
from vitcore.data import Dataset
from vitcore.runs.folder import Run

REMEMBERED = 64  # frames that a browser is believed to hold; what it has dropped it asks for again


@dataclass(frozen=True)
class Asked:
    """What the address asks for, beside run and image. `mask` [S, S] of bool, or None."""

    snapshot: Path | None
    positions: bool
    over_test: bool
    query: int
    mask: np.ndarray | None


def asked(run: Run, chosen: Chosen, at: Mapping[str, str]) -> Asked:
    """Read an address; what it cannot be is left out."""
    state, _ = ExplorerState.read(at)
    by_step = {step_of(path): path for path in run.snapshots}
    return Asked(
        snapshot=by_step.get(state.snapshot) if state.snapshot else None,
        positions=state.content == "positions",
        over_test=state.over == "test",
        query=_token(run, state.query),
        mask=_mask(state.mask or "", chosen.image),
    )


def wrong(header: Mapping[str, Any], at: Mapping[str, str]) -> list[str]:
    """What an address asks for and this explorer does not have, `name=value`: it is drawn as if left out."""
    state, refused = ExplorerState.read(at)
    side, steps = header["side"], [one["step"] for one in header["snapshots"]]

    def there(token: str | None) -> bool:
        if token is None or token == "cls":
            return token is None or header["first"] == 1
        return max(map(int, token.split("."))) <= side

    def counted(place: str | int | None, most: int) -> bool:
        return place in (None, "mean") or int(place) <= most

    fits = {
        "query": there(state.query),
        "second": there(state.second),
        "layer": counted(state.layer, header["layers"]),
        "head": counted(state.head, header["heads"]),
        "snapshot": state.snapshot is None or state.snapshot in steps,
    }
    return [*refused, *(f"{name}={at[name]}" for name, good in fits.items() if not good)]


def step_of(path: Path) -> int:
    """The step in the name of a snapshot, step-0000351.safetensors."""
    return int(path.stem.split("-")[-1])


def _token(run: Run, text: str | None) -> int:
    """The index of a token of this run: CLS, or else the patch in the middle, where the text names none."""
    _, side, has_cls = model_outputs.tokens_of(run)
    row, column = (int(n) for n in text.split(".")) if text and text != "cls" else (0, 0)
    if 1 <= row <= side and 1 <= column <= side:
        return has_cls + (row - 1) * side + column - 1
    return 0 if has_cls else side // 2 * (side + 1)


def _mask(text: str, image: np.ndarray) -> np.ndarray | None:
    """Painted pixels of this very image: <first characters of its digest>.<a bit a pixel, base64>."""
    stem, _, body = text.partition(".")
    size = image.shape[-1]
    if stem != stem_of(image) or not body:
        return None
    try:
        data = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except ValueError:
        return None
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    if len(bits) < size * size or not bits[: size * size].any():
        return None
    return bits[: size * size].reshape(size, size).astype(bool)


def stem_of(image: np.ndarray) -> str:
    """What a painted mask is tied to."""
    return model_outputs.digest(image)[:6]


def show(
    run: Run,
    chosen: Chosen,
    data: Dataset,
    *,
    key: str = "explorer",
    at: MutableMapping[str, str] | None = None,
) -> tuple[model_outputs.View, Asked]:
    """The explorer for a run and an image; what it shows, for the rest of the page. Raises `UserError`.

    `at`: the state, where it does not stand in the address of the page.
    """
    place = st.query_params if at is None else at
    header, found, wish = prepare(run, chosen, data, place)
    if at is not None:
        header |= {"address": urlencode(at), "talk": True}
    elif f"{key}_told" not in st.session_state:  # once: a model that is chosen later may lack it
        st.session_state[f"{key}_told"] = True
        if missing := wrong(header, place):
            say_missing(missing, "the defaults")
    sent: dict[str, None] = st.session_state.setdefault(f"{key}_sent", {})
    explorer(
        message(header, chosen.image, None if found.key in sent else found.packed),
        key=key,
        on_ask=partial(_asked, key, place),
    )
    sent[found.key] = None
    while len(sent) > REMEMBERED:
        del sent[next(iter(sent))]
    return found, wish


def prepare(
    run: Run, chosen: Chosen, data: Dataset, at: Mapping[str, str]
) -> tuple[dict[str, Any], model_outputs.View, Asked]:
    """(header, view, what was asked for) of an address: all that the explorer needs. Raises `UserError`."""
    wish = asked(run, chosen, at)
    image = None if wish.positions else chosen.image
    found = model_outputs.view(run, image, wish.snapshot, wish.query, None if wish.positions else wish.mask)
    before = None
    if wish.mask is not None and not wish.positions:
        before = model_outputs.view(run, chosen.image, wish.snapshot, wish.query).chances.tolist()
    distance, entropy, count = found.distance, found.entropy, 1
    if wish.over_test:
        distance, entropy, count = model_outputs.heads(run, data, wish.snapshot)
    _, side, has_cls = model_outputs.tokens_of(run)
    snapshots = [{"step": step_of(path), "label": f"step {step_of(path):,}"} for path in run.snapshots]
    label = f"step {step_of(wish.snapshot):,}" if wish.snapshot else ""
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
        "stem": stem_of(chosen.image),
        "mean": model_outputs.mean_color().tolist(),
        "classes": list(data.classes),
        "truth": chosen.truth,
        "chances": found.chances.tolist(),
        "before": before,
        "distance": distance.tolist(),
        "entropy": entropy.tolist(),
        "count": count,
        "references": found.references,
        "snapshots": [*snapshots, {"step": None, "label": "best weights"}] if snapshots else [],
        "hue": theme.hue(run.config.model),
        "parameters": ExplorerState.for_browser(),
    }
    return header, found, wish


def _asked(key: str, at: MutableMapping[str, str]) -> None:
    """The browser needs something: its state comes along, `look?query=3.4&snapshot=351`, since Streamlit does
    not read the address again; `need`: it lacks what it was believed to hold; `file`: this view as a file.
    """
    # the element is gone where the browser went back to another page meanwhile
    said = st.session_state.get(key) or {}
    kind, _, text = str(said.get("ask") or "").partition("?")
    if kind == "need":
        st.session_state[f"{key}_sent"] = {}
    st.session_state[f"{key}_file"] = kind == "file"
    told = dict(parse_qsl(text))
    for name in ExplorerState.model_fields:
        if told.get(name) != at.get(name):
            if name in told:
                at[name] = told[name]
            else:
                del at[name]
