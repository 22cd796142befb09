"""The data of the attention explorer: read the request from the address, compute it, send it if needed."""

from __future__ import annotations

import base64
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.attention import head_order, views
from dashboard.attention.image_scene import TokenScene, without_server
from dashboard.attention.requests import described, place_or_warning, receive, remember
from dashboard.components.explorer import PART, explorer, message
from dashboard.components.pieces import Piece, component_piece
from dashboard.drawing import theme
from dashboard.shared import bound, model_outputs
from dashboard.shared.selection import SelectedImage
from dashboard.states.attention import ExplorerState, token_index
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.runs.folder import Run, step_of


@dataclass(frozen=True)
class ExplorerRequest:
    """What the address asks for in addition to run and image.

    `query` is the index of a token. `mask` holds the painted pixels, bool [S, S].
    """

    snapshot: Path | None
    positions: bool
    over_test: bool
    order: str
    query: int
    mask: np.ndarray | None

    def differs_in_token_only(self, other: ExplorerRequest) -> bool:
        """Return whether the other request is the same one, or asks only for another token."""
        masks = [None if one.mask is None else one.mask.tobytes() for one in (self, other)]
        fixed = [(one.snapshot, one.positions, one.over_test, one.order) for one in (self, other)]
        return masks[0] == masks[1] and fixed[0] == fixed[1]


def read_request(run: Run, chosen: SelectedImage, at: Mapping[str, str]) -> ExplorerRequest:
    """Read the request from the address `at`. Ignores values that do not fit."""
    state, _ = ExplorerState.read(at)
    _, side, _ = views.tokens_of(run)
    prefix = views.prefix_of(run)
    token = token_index(state.query, side=side, prefix=prefix) if state.query else None
    by_step = {step_of(path): path for path in run.snapshots}
    positions, mask = read_changes(chosen, at)
    return ExplorerRequest(
        snapshot=None if state.snapshot is None else by_step.get(state.snapshot),
        positions=positions,
        over_test=state.over == "test",
        order=state.order,
        query=_default_token(side, prefix) if token is None else token,
        mask=mask,
    )


def read_changes(chosen: SelectedImage, at: Mapping[str, str]) -> tuple[bool, np.ndarray | None]:
    """Return whether the address asks for positions only, and the painted pixels, bool [S, S], or None.

    Both hold for any model next to a ViT.
    """
    state, _ = ExplorerState.read(at)
    return state.content == "positions", _mask(state.mask or "", chosen.image)


def unavailable(header: Mapping[str, Any], at: Mapping[str, str]) -> list[str]:
    """Return the names of the parameters of an address that this explorer can't show and ignores."""
    state, refused = ExplorerState.read(at)
    side, prefix = header["side"], header["prefix"]
    steps = [snapshot["step"] for snapshot in header["snapshots"]]

    def in_range(number: str | int | None, count: int) -> bool:
        return number in (None, "mean") or int(number) <= count

    fits = {
        "query": has_token(state.query, side=side, prefix=prefix),
        "second": has_token(state.second, side=side, prefix=prefix),
        "layer": in_range(state.layer, header["layers"]),
        "head": in_range(state.head, header["heads"]),
        "snapshot": state.snapshot is None or state.snapshot in steps,
    }
    return [*refused, *(name for name, fit in fits.items() if not fit)]


def has_token(token: str | None, *, side: int, prefix: Sequence[str]) -> bool:
    """Return whether a model with `side` x `side` patches has this token. Without a token, it does."""
    return token is None or token_index(token, side=side, prefix=prefix) is not None


def _default_token(side: int, prefix: Sequence[str]) -> int:
    """Return the index of CLS, or of the patch in the middle of a model without CLS."""
    return 0 if "cls" in prefix else len(prefix) + side // 2 * (side + 1)


def _mask(text: str, image: np.ndarray) -> np.ndarray | None:
    """Return the painted pixels of this image, bool [S, S], or None.

    The text consists of the image's key, a dot, and one bit per pixel in base64.
    """
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
    """Return the key of an image, which ties a painted mask to it."""
    return model_outputs.digest(image)[:6]


def show(
    run: Run,
    chosen: SelectedImage,
    data: Dataset,
    *,
    key: str = "explorer",
    at: MutableMapping[str, str] | None = None,
) -> tuple[views.AttentionView, ExplorerRequest]:
    """Draw the explorer for a run and an image. Return what it shows, and the request. Raise `UserError`.

    `at` holds the state in a talk, which does not keep it in the address of the page.
    """
    place = bound.address() if at is None else at
    header, view, request = prepare(run, chosen, data, place)
    header |= place_or_warning(at, lambda: unavailable(header, place), warned=f"{key}_warned")
    sent: dict[str, None] = st.session_state.setdefault(f"{key}_sent", {})
    explorer(
        message(
            header,
            None if header["image"] in sent else chosen.image,
            None if view.key in sent else view.packed,
        ),
        key=key,
        on_ask=partial(receive, key, place, ExplorerState.model_fields),
    )
    remember(sent, view.key, header["image"])
    return view, request


def prepare(
    run: Run, chosen: SelectedImage, data: Dataset, at: Mapping[str, str]
) -> tuple[dict[str, Any], views.AttentionView, ExplorerRequest]:
    """Return (header, view, request) for the address `at`: all data of the explorer. Raise `UserError`."""
    request = read_request(run, chosen, at)
    image = None if request.positions else chosen.image
    view = views.view(
        run, image, request.snapshot, request.query, None if request.positions else request.mask
    )
    before = None
    if request.mask is not None and not request.positions:
        before = views.view(run, chosen.image, request.snapshot, request.query).probabilities.tolist()
    distance, entropy, count = view.distance, view.entropy, 1
    if request.over_test:
        distance, entropy, count = views.heads(run, data, request.snapshot)
    _, side, first = views.tokens_of(run)
    snapshots = [{"step": step_of(path), "label": f"step {step_of(path):,}"} for path in run.snapshots]
    whole = "best weights" if run.weights == run.best else "latest snapshot"
    label = f"step {step_of(request.snapshot):,}" if request.snapshot else ""
    header = {
        **described(run, chosen, data),
        "key": view.key,
        "image": model_outputs.digest(chosen.image),
        "shape": f"{view.layers} {view.heads} {view.tokens} {side}",
        "layers": view.layers,
        "heads": view.heads,
        "tokens": view.tokens,
        "side": side,
        "first": first,
        "prefix": views.prefix_of(run),
        "only": view.only,
        "step": label,
        "stem": image_key(chosen.image),
        "mean": run.config.preprocessing.mean_color().tolist(),
        "probabilities": view.probabilities.tolist(),
        "before": before,
        "distance": distance.tolist(),
        "entropy": entropy.tolist(),
        "count": count,
        "references": view.references,
        "sample": "photographs" if data.names else "test images",
        "behavior": head_order.found_behavior(run, data, request.snapshot),
        "snapshots": [*snapshots, {"step": None, "label": whole}] if snapshots else [],
        "hue": theme.hue(run.config.model),
        "parameters": ExplorerState.for_browser(),
    }
    return header, view, request


class Explorer(TokenScene):
    """The attention explorer on an image."""

    element = file_stem = "explorer"

    def compute(self, state: Mapping[str, str]) -> list[str]:
        """Capture the attention. Return the names of the parameters that it can't show."""
        return unavailable(prepare(self.run, self.chosen, self.data, state)[0], state)

    def has_behavior(self, state: Mapping[str, str]) -> bool:
        """Return whether the heads are measured, so that they can be ordered by a measurement."""
        snapshot = read_request(self.run, self.chosen, state).snapshot
        return head_order.found_behavior(self.run, self.data, snapshot) is not None

    def draw(self, state: MutableMapping[str, str], *, key: str, scale: float = 1.0) -> None:
        """Draw the explorer."""
        show(self.run, self.chosen, self.data, key=key, at=state)

    def pieces(self, state: Mapping[str, str], *, talk: bool = True) -> list[Piece]:
        """Return the explorer with the weights of its image. Raise `UserError` if they are too many."""
        header, view, _ = prepare(self.run, self.chosen, self.data, state)
        if view.only is not None:
            raise UserError(f"{self.run.title} has too many tokens: its maps do not fit into one file.")
        header |= {**without_server(state, talk=talk), "snapshots": []}
        return [component_piece(PART, message(header, self.chosen.image, view.packed))]
