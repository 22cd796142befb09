"""Cached views of the attention of a ViT: what the explorer shows, its arrays as a file, means over images.

torch is imported when it is first needed. The outputs are cached by the version of the weights and the
pixels, and shared by all visitors: do not change the arrays.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from dashboard.shared import resources
from dashboard.shared.model_outputs import as_tensor, digest
from dashboard.shared.turns import limited
from vitcore.architectures import ARCHITECTURES
from vitcore.architectures.vit import ViTOptions
from vitcore.data import Dataset
from vitcore.data.decoded import part_of
from vitcore.errors import UserError
from vitcore.probes.statistics import parts
from vitcore.probes.store import pick
from vitcore.runs.folder import Run

if TYPE_CHECKING:
    from vitcore.networks.vit import Trace

MAX_SENT = 24_000_000  # bytes of attention weights that are sent to a browser at once
MAX_COMPUTED = 3_000_000_000  # bytes of attention weights that are computed for one image
MAX_KEPT = MAX_COMPUTED // 2  # bytes of attention weights in half precision that are kept in memory
LARGE = 4_000_000  # bytes of attention weights from which only a few images are kept in memory
SAMPLE = 200  # test images behind the mean over test images


@dataclass(frozen=True)
class AttentionView:
    """The attention and the predictions of a ViT on one image, as the explorer needs them.

    `packed` holds the float16 weights [layers, heads, T, T] and the rollout [T, T]. If these are too many,
    `only` is the index of one token, and `packed` holds its rows and columns [layers, heads, 2, T].
    """

    key: str
    layers: int
    heads: int
    tokens: int
    packed: bytes
    only: int | None
    probabilities: np.ndarray  # [classes], none without a classifier
    lens: np.ndarray  # logit lens [layers + 1, classes], probabilities
    distance: np.ndarray  # [layers, heads], pixels
    entropy: np.ndarray  # [layers, heads], bits
    references: list[dict]  # name, distance and entropy of known attention patterns


def _finite(values: Any) -> np.ndarray:
    """Convert to numpy. The NaN of a diverged model becomes zero, because JSON has no NaN."""
    return np.nan_to_num(values.numpy())


@st.cache_resource(max_entries=32, show_spinner=False)
@limited
def _view(stamp: resources.Stamp, pixels: bytes, shape: tuple[int, ...], key: str) -> AttentionView:
    return _whole(stamp, pixels, shape, key)


@st.cache_resource(max_entries=4, show_spinner=False)
@limited
def _large_view(stamp: resources.Stamp, pixels: bytes, shape: tuple[int, ...], key: str) -> AttentionView:
    return _whole(stamp, pixels, shape, key)


class _LastViews:
    """Views without weights, and their float16 weights [layers, heads, T, T] for any of their tokens.

    It keeps the last ones, up to `MAX_KEPT` bytes of weights, for all visitors together.
    """

    def __init__(self) -> None:
        self._views: dict[tuple[Any, ...], tuple[AttentionView, np.ndarray]] = {}  # the last one at the end
        self._capturing: dict[tuple[Any, ...], threading.Lock] = {}
        self._lock = threading.Lock()

    def get(
        self, stamp: resources.Stamp, pixels: bytes, shape: tuple[int, ...]
    ) -> tuple[AttentionView, np.ndarray]:
        """Return a view and its weights, kept or captured. Visitors who ask at once wait for one capture."""
        key = (stamp, pixels, shape)
        with self._lock:
            capturing = self._capturing.setdefault(key, threading.Lock())
        with capturing:
            if found := self._kept(key):
                return found
            try:
                found = limited(self._captured)(*key)
                self._keep(key, found)
            finally:
                with self._lock:
                    self._capturing.pop(key, None)
        return found

    def _kept(self, key: tuple[Any, ...]) -> tuple[AttentionView, np.ndarray] | None:
        with self._lock:
            if key in self._views:
                self._views[key] = self._views.pop(key)
                self._capturing.pop(key, None)
            return self._views.get(key)

    def _keep(self, key: tuple[Any, ...], found: tuple[AttentionView, np.ndarray]) -> None:
        with self._lock:
            self._views[key] = found
            while len(self._views) > 1 and self._bytes() > MAX_KEPT:
                del self._views[next(iter(self._views))]

    def _bytes(self) -> int:
        return sum(weights.nbytes for _, weights in self._views.values())

    @staticmethod
    def _captured(
        stamp: resources.Stamp, pixels: bytes, shape: tuple[int, ...]
    ) -> tuple[AttentionView, np.ndarray]:
        found, trace = _capture(stamp, pixels, shape)
        return found, trace.weights[0].half().numpy()


_last_views = _LastViews()


def _whole(stamp: resources.Stamp, pixels: bytes, shape: tuple[int, ...], key: str) -> AttentionView:
    from vitcore.analysis.attention import rollout

    found, trace = _capture(stamp, pixels, shape)
    sent = (trace.weights[0], rollout(trace.weights)[0])
    return replace(found, key=key, packed=b"".join(part.half().numpy().tobytes() for part in sent))


def _of_token(
    stamp: resources.Stamp, pixels: bytes, shape: tuple[int, ...], token: int, key: str
) -> AttentionView:
    found, weights = _last_views.get(stamp, pixels, shape)
    lines = np.stack([weights[:, :, token], weights[:, :, :, token]], axis=2)
    return replace(found, key=key, packed=lines.tobytes(), only=token)


def _capture(stamp: resources.Stamp, pixels: bytes, shape: tuple[int, ...]) -> tuple[AttentionView, Trace]:
    from vitcore.analysis.attention import capture
    from vitcore.analysis.heads import mean_distance, mean_entropy, references
    from vitcore.analysis.inside import logit_lens, positions_only

    net = stamp.model()
    trace = capture(net, as_tensor(pixels, shape)) if pixels else positions_only(net)
    weights = trace.weights[0]  # [layers, heads, T, T]
    classes = slice(None if net.has_classifier else 0)  # features are not logits
    found = AttentionView(
        key="",
        layers=weights.shape[0],
        heads=weights.shape[1],
        tokens=weights.shape[2],
        packed=b"",
        only=None,
        probabilities=_finite(trace.logits[0, classes].softmax(dim=0)),
        lens=_finite(logit_lens(net, trace)[0, :, classes].softmax(dim=-1)),
        distance=_finite(mean_distance(weights, net.patch_size, prefix=net.prefix_tokens)),
        entropy=_finite(mean_entropy(weights, prefix=net.prefix_tokens)),
        references=[vars(reference) for reference in references(net.grid, net.patch_size)],
    )
    return found, trace


def vit_options(run: Run) -> ViTOptions:
    """Return the options of the run of a ViT, or of a ViT with the same tokens for a model like a CCT."""
    options = ARCHITECTURES[run.config.model].options(**run.config.options)
    return getattr(options, "as_vit")  # noqa: B009 (only models with attention have it)


def tokens_of(run: Run) -> tuple[int, int, int]:
    """Return (tokens, patches per side, tokens before the patches) of a ViT run, from its configuration."""
    options = vit_options(run)
    side, first = run.config.image_size // options.patch_size, options.prefix_tokens
    return side * side + first, side, first


def prefix_of(run: Run) -> tuple[str, ...]:
    """Return the names of the tokens before the patches of a ViT run, as links have them."""
    return vit_options(run).prefix


def bytes_of(run: Run) -> int:
    """Return the size of all attention weights of one image, in half precision, from the configuration."""
    options = run.config.options
    return 2 * options["num_layers"] * options["num_heads"] * tokens_of(run)[0] ** 2


def too_many_tokens(run: Run) -> bool:
    """Return whether a ViT run has too many attention weights to send all of one image to a browser.

    Raise `UserError` if they are also too many to compute.
    """
    size = bytes_of(run)
    if 2 * size > MAX_COMPUTED:
        raise UserError(
            f"{run.title} has {tokens_of(run)[0]:,} tokens: the attention of one image takes "
            f"{2e-9 * size:.0f} GB. Choose a run with larger patches."
        )
    return size > MAX_SENT


def view(
    run: Run,
    image: np.ndarray | None,
    snapshot: Path | None = None,
    query: int = 0,
    masked: np.ndarray | None = None,
) -> AttentionView:
    """Return the attention of a ViT run on an image uint8 [3, S, S]. Raise `UserError`.

    Without an image, the tokens consist of the positions only. `query` is the index of the token whose
    weights are returned if all weights are too many. The pixels of `masked` bool [S, S] get the mean color.
    """
    stamp = resources.stamp_of(run, snapshot)
    only = query if too_many_tokens(run) else None
    resources.model(run, snapshot)
    if image is not None and masked is not None:
        image = masked_image(run, image, masked)
    pixels, shape = (b"", ()) if image is None else (image.tobytes(), image.shape)
    key = digest(stamp, "positions" if image is None else image, only)
    if only is not None:
        return _of_token(stamp, pixels, shape, only, key)
    return (_large_view if bytes_of(run) > LARGE else _view)(stamp, pixels, shape, key)


def masked_image(run: Run, image: np.ndarray, masked: np.ndarray) -> np.ndarray:
    """Return the image with the mean color, which the model reads as zeros, where `masked` [S, S] is true."""
    return np.where(masked[None], run.config.preprocessing.mean_color()[:, None, None], image)


def arrays(run: Run, image: np.ndarray | None, snapshot: Path | None) -> bytes:
    """Return the attention of a ViT run on an image as an .npz file in float32. Raise `UserError`.

    The file holds weights, rollout, probabilities, logit lens, distance, entropy, the image, and a text
    `about` them. Without an image, the tokens consist of the positions only.
    """
    import io

    import torch

    from vitcore.analysis.attention import capture, rollout
    from vitcore.analysis.inside import positions_only

    net = resources.model(run, snapshot)
    images = None if image is None else torch.from_numpy(image[None].copy())
    trace = limited(positions_only)(net) if images is None else limited(capture)(net, images)
    shown = view(run, image, snapshot)
    weights_file = snapshot or run.weights
    assert weights_file is not None  # `model` would have raised
    out = io.BytesIO()
    np.savez_compressed(
        out,
        weights=trace.weights[0].numpy(),
        rollout=rollout(trace.weights)[0].numpy(),
        probabilities=shown.probabilities,
        logit_lens=shown.lens,
        distance_pixels=shown.distance,
        entropy_bits=shown.entropy,
        image=np.zeros((0,), np.uint8) if image is None else image,
        about=np.array(
            f"{run.id}, {weights_file.name}; weights [layers, heads, query, key]; the tokens are "
            f"{', '.join([*prefix_of(run), 'the patches row by row'])}"
        ),
    )
    return out.getvalue()


@st.cache_resource(max_entries=32, show_spinner=False)
@limited
def _heads(stamp: resources.Stamp, name: str, _data: Dataset) -> tuple[np.ndarray, np.ndarray, int]:
    import torch

    from vitcore.analysis.attention import capture
    from vitcore.analysis.heads import mean_distance, mean_entropy

    net = stamp.model()
    images = pick(_data, SAMPLE).pixels  # those of the probe `heads`
    sums = []
    for part in parts(images):
        weights = capture(net, torch.from_numpy(np.asarray(part_of(images, part)))).weights
        distance = mean_distance(weights, net.patch_size, prefix=net.prefix_tokens)
        sums.append(torch.stack([distance, mean_entropy(weights, prefix=net.prefix_tokens)]).sum(dim=1))
    distance, entropy = (torch.stack(sums).sum(dim=0) / len(images)).numpy()
    return distance, entropy, len(images)


def heads(run: Run, data: Dataset, snapshot: Path | None) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the mean attention distance (pixels) and entropy (bits), each [layers, heads], and the number of
    images behind the means, which take the classes in turn. Raise `UserError`.
    """
    resources.model(run, snapshot)
    return _heads(resources.stamp_of(run, snapshot), data.state, data)
