"""The data of the view of token features: similarities, principal components, norms and attention sinks."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.attention import explorer, views
from dashboard.attention.image_scene import TokenScene, without_server
from dashboard.attention.model_input import block_input
from dashboard.attention.requests import described, place_or_warning, receive
from dashboard.components.features import PART, features, message
from dashboard.components.pieces import Piece, component_piece
from dashboard.drawing import theme
from dashboard.shared import bound, resources
from dashboard.shared.model_outputs import as_tensor, digest
from dashboard.shared.selection import SelectedImage
from dashboard.shared.turns import limited
from dashboard.states.attention import AttentionState, FeaturesState
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.runs.folder import Run

MAX_SENT = 8_000_000  # bytes of features from which the browser gets only those of the chosen layer
MAX_IN_FILE = 48_000_000  # bytes of features in one HTML file, where base64 adds a third
MAX_KEPT = 400_000_000  # bytes of the features of one image that are kept in memory
# the parameters that the element changes
WRITTEN = ("query", "layer", "overlay", *FeaturesState.model_fields)


@dataclass(frozen=True)
class TokenFeatures:
    """The features of all tokens of an image at the L + 2 points of the residual stream.

    The points are the input of the first block, the outputs of the L blocks, and the tokens after the last
    layer norm. `units` holds features divided by their norms; in half precision, a cosine similarity is off
    by at most 0.001. `received` is the share of attention that each token gets, a mean over heads and
    queries.
    """

    key: str
    units: np.ndarray  # float16 [L + 2, T, D]
    norms: np.ndarray  # float32 [L + 2, T]
    outliers: np.ndarray  # bool [L + 2, T], see `vitcore.analysis.features.outliers`
    received: np.ndarray  # float32 [L, T]


@st.cache_resource(max_entries=32, show_spinner=False)
@limited
def _found(stamp: resources.Stamp, pixels: bytes, shape: tuple[int, ...], key: str) -> TokenFeatures:
    return _computed(stamp, pixels, shape, key)


@st.cache_resource(max_entries=2, show_spinner=False)  # each up to `MAX_KEPT`
@limited
def _large(stamp: resources.Stamp, pixels: bytes, shape: tuple[int, ...], key: str) -> TokenFeatures:
    return _computed(stamp, pixels, shape, key)


def _computed(stamp: resources.Stamp, pixels: bytes, shape: tuple[int, ...], key: str) -> TokenFeatures:
    from vitcore.analysis.attention import capture
    from vitcore.analysis.features import outliers, received_attention, residual_stream, unit_features
    from vitcore.analysis.inside import positions_only

    net = stamp.model()
    trace = capture(net, as_tensor(pixels, shape)) if pixels else positions_only(net)
    stream = residual_stream(net, trace)[0]  # [L + 2, T, D]
    norms = stream.norm(dim=-1)
    return TokenFeatures(
        key=key,
        units=unit_features(stream).half().numpy(),
        norms=norms.numpy(),
        outliers=outliers(norms, prefix=net.prefix_tokens).numpy(),
        received=received_attention(trace.weights[0]).numpy(),
    )


@st.cache_resource(max_entries=512, show_spinner=False)  # small: three bytes for each patch
@limited
def _components(_found: TokenFeatures, key: str, point: int, prefix: int) -> tuple[bytes, list[float]]:
    """Return the colors uint8 [N, 3] of the patches at a point, and the variance that they explain.

    The variances are fractions of the total, one for each component.
    """
    import torch

    from vitcore.analysis.features import principal_components

    patches = _found.units[point, prefix:].astype(np.float32) * _found.norms[point, prefix:, None]
    scaled, shares = principal_components(torch.from_numpy(patches))
    return (255 * scaled).round().to(torch.uint8).numpy().tobytes(), shares.tolist()


def bytes_of(run: Run) -> int:
    """Return the bytes of the features of one image in half precision."""
    options = run.config.options
    return 2 * (options["num_layers"] + 2) * views.tokens_of(run)[0] * options["embed_dim"]


def found(run: Run, image: np.ndarray | None, snapshot: Path | None = None) -> TokenFeatures:
    """Return the features of a ViT run on an image uint8 [3, S, S], or of positions only.

    Raise `UserError`.
    """
    views.too_many_tokens(run)  # refuses what cannot be computed
    if bytes_of(run) > MAX_KEPT:
        raise UserError(
            f"The features of one image of {run.title} take {bytes_of(run) / 1e6:,.0f} MB: choose a run with "
            "larger patches."
        )
    resources.model(run, snapshot)
    stamp = resources.stamp_of(run, snapshot)
    pixels, shape = (b"", ()) if image is None else (image.tobytes(), image.shape)
    key = digest(stamp, "positions" if image is None else image)
    return (_large if bytes_of(run) > views.LARGE else _found)(stamp, pixels, shape, key)


def shown_point(state: AttentionState, layers: int) -> int:
    """Return the index of the point that a link names: 0 is the input, and the last one the last norm."""
    if state.point != "block":
        return 0 if state.point == "input" else layers + 1
    return layers if state.layer in (None, "mean") else min(int(state.layer), layers)


def unavailable(run: Run, at: Mapping[str, str]) -> list[str]:
    """Return the names of the parameters of an address that the view can't show and ignores."""
    state, refused = AttentionState.read(at)
    _, side, _ = views.tokens_of(run)
    fits = {
        "query": explorer.has_token(state.query, side=side, prefix=views.prefix_of(run)),
        "layer": state.layer in (None, "mean") or int(state.layer) <= run.config.options["num_layers"],
    }
    return [*(name for name in refused if name in WRITTEN), *(name for name, fit in fits.items() if not fit)]


def prepare(
    run: Run, chosen: SelectedImage, data: Dataset, at: Mapping[str, str], *, complete: bool = False
) -> tuple[dict[str, Any], list[bytes], TokenFeatures, np.ndarray]:
    """Return (header, arrays, features, image): all data of the view. Raise `UserError`.

    `image` uint8 [3, S, S] is what the model reads. Of a model with large features, the arrays hold only
    those of the chosen layer, unless they are to be `complete`.
    """
    request = explorer.read_request(run, chosen, at)
    state, _ = AttentionState.read(at)
    read = block_input(run, chosen.image, request)
    one = found(run, None if request.positions else read.image, request.snapshot)
    tokens, side, first = views.tokens_of(run)
    points, layers = len(one.units), len(one.received)
    sent = [shown_point(state, layers)] if bytes_of(run) > MAX_SENT and not complete else list(range(points))
    colors = [_components(one, one.key, point, first) for point in sent]
    header = {
        **described(run, chosen, data),
        "key": one.key,
        "layers": layers,
        "tokens": tokens,
        "side": side,
        "first": first,
        "prefix": views.prefix_of(run),
        "dim": one.units.shape[-1],
        "sent": sent,
        "shares": [shares for _, shares in colors],
        "mode": read.mode,
        "mean": run.config.preprocessing.mean_color().tolist(),
        "hue": theme.hue(run.config.model),
        "choices": {name: list(FeaturesState.options(name)) for name in FeaturesState.model_fields},
    }
    arrays = [
        one.norms.astype("<f4").tobytes(),
        np.ascontiguousarray(one.units[sent]).astype("<f2").tobytes(),
        b"".join(made for made, _ in colors),
    ]
    return header, arrays, one, read.image


def show(
    run: Run,
    chosen: SelectedImage,
    data: Dataset,
    *,
    key: str = "features",
    at: MutableMapping[str, str] | None = None,
) -> TokenFeatures:
    """Draw the view of features for a run and an image, and return them. Raise `UserError`.

    `at` holds the state in a talk, which does not keep it in the address of the page.
    """
    place = bound.address() if at is None else at
    header, arrays, one, image = prepare(run, chosen, data, place)
    header |= place_or_warning(at, lambda: unavailable(run, place), warned=f"{key}_warned")
    features(message(header, image, arrays), key=key, on_ask=partial(receive, key, place, WRITTEN))
    return one


class Features(TokenScene):
    """The features of the tokens of an image."""

    element = file_stem = "features"

    def compute(self, state: Mapping[str, str]) -> list[str]:
        """Compute the features, and return the names of the parameters that the view can't show."""
        prepare(self.run, self.chosen, self.data, state)
        return unavailable(self.run, state)

    def draw(self, state: MutableMapping[str, str], *, key: str, scale: float = 1.0) -> None:
        """Draw the view."""
        show(self.run, self.chosen, self.data, key=key, at=state)

    def pieces(self, state: Mapping[str, str], *, talk: bool = True) -> list[Piece]:
        """Return the view with the features of all layers. Raise `UserError` if they are too many."""
        if (size := bytes_of(self.run)) > MAX_IN_FILE:
            raise UserError(
                f"The features of one image of {self.run.title} take {size / 1e6:,.0f} MB, too much for a "
                "file: choose a run with larger patches."
            )
        header, arrays, _, image = prepare(self.run, self.chosen, self.data, state, complete=True)
        header |= without_server(state, talk=talk)
        return [component_piece(PART, message(header, image, arrays))]
