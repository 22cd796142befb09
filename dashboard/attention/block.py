"""The data of the stepper through a block: read the request from the address, compute it, send it."""

from __future__ import annotations

import html
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from dashboard.attention import block_outputs, block_weights, convolution, explorer, views
from dashboard.attention.image_scene import TokenScene, without_server
from dashboard.attention.model_input import block_input
from dashboard.attention.requests import described, place_or_warning, receive, request_of
from dashboard.components.block import PART, block, rows_message
from dashboard.components.inside import message
from dashboard.components.pieces import Piece, component_piece
from dashboard.drawing.markdown import escape
from dashboard.shared import bound
from dashboard.shared.selection import SelectedImage
from dashboard.states.attention import AttentionState, BlockState
from vitcore.data import Dataset
from vitcore.runs.folder import Run

WRITTEN = ("query", "layer", "head", *BlockState.model_fields)  # the parameters that the stepper changes
STEPS = 10
# the headings of both steppers
OF_BLOCK = "each query computes its weights from the content"
OF_CONVOLUTION = "local, and the same kernel everywhere"
MLP = 8  # the step that shows the patches that excite units


def unavailable(run: Run, at: Mapping[str, str]) -> list[str]:
    """Return the names of the parameters of an address that the stepper can't show and ignores."""
    state, refused = AttentionState.read(at)
    options = run.config.options
    _, side, _ = views.tokens_of(run)
    last = state.layer in (None, "mean") or int(state.layer) >= options["num_layers"]
    fits = {
        "query": explorer.has_token(state.query, side=side, prefix=views.prefix_of(run)),
        "layer": state.layer in (None, "mean") or int(state.layer) <= options["num_layers"],
        "head": state.head in (None, "mean") or int(state.head) <= options["num_heads"],
        "step": state.step <= (STEPS if last else STEPS - 1),  # the classifier follows the last block
        "token": explorer.has_token(state.token, side=side, prefix=views.prefix_of(run)),
        "number": state.number is None or state.number <= _most_numbers(run, state.step),
    }
    return [*(name for name in refused if name in WRITTEN), *(name for name, fit in fits.items() if not fit)]


def _most_numbers(run: Run, step: int) -> int:
    """Return the largest number of a step that a link can name: see `countOf` in block/pins.js."""
    options = views.vit_options(run)
    if step in range(2, 6):
        return options.embed_dim // options.num_heads
    if step == MLP:
        return options.hidden_dim
    if step < STEPS:
        return options.embed_dim
    read = 2 * options.embed_dim  # the head may read two tokens
    return max(run.config.num_classes, read, options.representation or 0, options.projection or 0)


def prepare(
    run: Run, chosen: SelectedImage, data: Dataset, at: Mapping[str, str], *, units: bool = False
) -> tuple[dict[str, Any], block_outputs.BlockView, np.ndarray]:
    """Return (header, view, image) for the address `at`: all data of the stepper. Raise `UserError`.

    `image` uint8 [3, S, S] is what the model reads. With `units`, the patches that excite the units are found
    for it, which takes seconds the first time.
    """
    request = explorer.read_request(run, chosen, at)
    state, _ = AttentionState.read(at)
    layers = run.config.options["num_layers"]
    layer = layers if state.layer in (None, "mean") else min(int(state.layer), layers)
    read = block_input(run, chosen.image, request)
    found = block_outputs.view(
        run,
        None if request.positions else read.image,
        data,
        layer=layer - 1,
        query=request.query,
        snapshot=request.snapshot,
        units=units,
    )
    header = {
        **found.header,
        **described(run, chosen, data),
        "query": request.query,
        "mode": read.mode,
        "sentWeights": [],
    }
    return header, found, read.image


def prepare_file(
    run: Run, chosen: SelectedImage, data: Dataset, at: Mapping[str, str], *, talk: bool = False
) -> tuple[dict[str, Any], bytes, bytes, np.ndarray]:
    """Return (header, floats, crops, image) for a file: all data, and weights. Raise `UserError`.

    The weights are those of the whole block, or, of a large model, those of the numbers that are shown first.
    A talk has the weights of the step that it shows.
    """
    header, found, image = prepare(run, chosen, data, at, units=True)
    request, (state, _) = explorer.read_request(run, chosen, at), AttentionState.read(at)
    head = 0 if state.head in (None, "mean") else min(int(state.head), header["heads"]) - 1
    shown = block_weights.first_shown(
        run,
        request.snapshot,
        None if request.positions else image,
        layer=header["layer"],
        token=header["query"],
        head=head,
        pinned=block_weights.Pinned(state.step, state.array, state.number),
    )
    step = state.step if talk else None
    rows = block_weights.for_file(run, request.snapshot, header["layer"], shown, step=step)
    header["sentWeights"], weights = block_weights.packed(rows)
    return header, found.floats + weights, found.crops, image


def show(
    run: Run,
    chosen: SelectedImage,
    data: Dataset,
    *,
    key: str = "block",
    at: MutableMapping[str, str] | None = None,
) -> None:
    """Draw the stepper for a run and an image. Raise `UserError`.

    `at` holds the state in a talk, which does not keep it in the address of the page.
    """
    place = bound.address() if at is None else at
    header, found, image = prepare(
        run, chosen, data, place, units=st.session_state.get(f"{key}_units", False)
    )
    header |= place_or_warning(at, lambda: unavailable(run, place), warned=f"{key}_warned")
    rows: list[block_weights.Rows] = []
    asked: block_weights.RowRequest | None = st.session_state.get(f"{key}_row")
    if asked and asked.key == header["key"]:
        snapshot = explorer.read_request(run, chosen, place).snapshot
        rows = block_weights.neighbors(run, snapshot, header["layer"], asked)
    header["sentWeights"], weights = block_weights.packed(rows)
    if rows and asked and asked.weights_only:
        state = urlencode({name: place[name] for name in WRITTEN if name in place})
        sent = rows_message(header, weights, state)
    else:
        sent = message(header, image, found.floats + weights, found.crops)
    block(sent, key=key, on_ask=partial(_receive, key, place))


def _receive(key: str, at: MutableMapping[str, str]) -> None:
    """Handle a request of the element `key`: see `receive`. Remember the row of weights that it names.

    The kind `weights` asks for nothing else: the browser still has the numbers of the block. The kind `units`
    asks for the patches that excite the units, after the block itself is shown.
    """
    receive(key, at, WRITTEN)
    kind, state = request_of(key)
    if kind != "weights":
        st.session_state[f"{key}_units"] = kind == "units"
    row = block_weights.read_row_request(state.get("row", ""), weights_only=kind == "weights")
    st.session_state[f"{key}_row"] = row


def show_with_convolution(
    run: Run,
    chosen: SelectedImage,
    data: Dataset,
    other: Run | None,
    *,
    key: str = "block",
    at: MutableMapping[str, str] | None = None,
) -> None:
    """Draw the stepper, and with `other` the one through a convolution of this ResNet. Raise `UserError`.

    For `at` see `show`.
    """
    if other is None:
        show(run, chosen, data, key=key, at=at)
        return
    with st.container(key=f"two_steppers_{key}"):
        first, second = st.columns(2, gap="large")
        with first:
            st.markdown(f"**{escape(run.title)}**: {OF_BLOCK}")
            show(run, chosen, data, key=key, at=at)
        with second:
            st.markdown(f"**{escape(other.title)}**: {OF_CONVOLUTION}")
            convolution.show(
                other,
                chosen,
                data,
                key=f"{key}_convolution",
                at=at,
                step=convolution.STEP_OF_TWO,
                start=center_of_patch(run, chosen, bound.address() if at is None else at),
            )


def center_of_patch(run: Run, chosen: SelectedImage, at: Mapping[str, str]) -> tuple[float, float] | None:
    """Return the (row, column) of the center of the chosen patch, as fractions of the image.

    Return None if a token before the patches is chosen.
    """
    _, side, first = views.tokens_of(run)
    patch = explorer.read_request(run, chosen, at).query - first
    if patch < 0:
        return None
    row, column = divmod(patch, side)
    return (row + 0.5) / side, (column + 0.5) / side


@dataclass(frozen=True)
class Block(TokenScene):
    """The steps through one block of a ViT on an image, and through a convolution of the ResNet `other`."""

    other: Run | None = None
    element = file_stem = "block"

    def compute(self, state: Mapping[str, str]) -> list[str]:
        """Compute the block, and return the names of the parameters that its stepper can't show."""
        prepare(self.run, self.chosen, self.data, state)
        return unavailable(self.run, state)

    def draw(self, state: MutableMapping[str, str], *, key: str, scale: float = 1.0) -> None:
        """Draw one or both steppers."""
        show_with_convolution(self.run, self.chosen, self.data, self.other, key=key, at=state)

    def pieces(self, state: Mapping[str, str], *, talk: bool = True) -> list[Piece]:
        """Return the steppers with all their numbers.

        Raise `UserError` if a model has too many tokens or channels.
        """
        header, floats, crops, image = prepare_file(self.run, self.chosen, self.data, state, talk=talk)
        header |= without_server(state, talk=talk)
        first = component_piece(PART, message(header, image, floats, crops))
        if not self.other:
            return [first]
        other = convolution.Convolution(
            self.other,
            self.chosen,
            self.data,
            step=convolution.STEP_OF_TWO,
            start=center_of_patch(self.run, self.chosen, state),
        )
        (second,) = other.pieces(state, talk=talk)
        return [_column(first, self.run, OF_BLOCK), _column(second, self.other, OF_CONVOLUTION)]


def _column(piece: Piece, run: Run, heading: str) -> Piece:
    """Return the piece with its heading, as one of two columns: see standalone.css."""
    title = f"<p><strong>{html.escape(run.title)}</strong>: {heading}</p>"
    body = f'<div class="standalone-column st-key-two_steppers">{title}{piece.body}</div>'
    return replace(piece, body=body)
