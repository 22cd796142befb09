"""What the Patches page reads from the weights of a ViT: its tokens for an image, and what they have learned.

torch is imported when it is first needed. The outputs are cached by the version of the weights and the
pixels, and shared by all visitors: do not change the arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.shared import resources
from vitcore.errors import UserError
from vitcore.runs.folder import Run


@st.cache_resource(max_entries=16, show_spinner=False)
def _tokens(stamp: resources.Stamp, pixels: bytes, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    from vitcore.analysis.tokens import read_tokens

    image, config = np.frombuffer(pixels, dtype=np.uint8).reshape(shape), stamp.run.config
    return read_tokens(Path(stamp.weights), config.options, image, config.preprocessing)


def tokens(run: Run, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the projected patches (with CLS) and the positions, each [T, D], of a ViT run for an image uint8
    [3, S, S]. Does not import torch, so that the page appears at once. Raise `UserError`.
    """
    return _tokens(resources.stamp_of(run), image.tobytes(), image.shape)


@dataclass(frozen=True)
class Learned:
    """The patch filters and the similarity of positions in a ViT's weights."""

    filters: np.ndarray | None  # [n, 3, P, P], principal components of the projection, if there is one
    shares: np.ndarray  # [n] of the variance
    similarity: np.ndarray  # [N, N], cosine; zeros without positions


@st.cache_resource(max_entries=16, show_spinner=False)
def _learned(stamp: resources.Stamp) -> Learned:
    from vitcore.analysis.inside import patch_filters, position_similarity

    net = stamp.model()
    similarity = position_similarity(net).numpy()
    if net.convolutional:
        return Learned(None, np.zeros(0), similarity)
    filters, shares = patch_filters(net)
    return Learned(filters.numpy(), shares.numpy(), similarity)


def learned(run: Run) -> Learned:
    """Return the patch filters and the similarity of positions of a ViT run. Raise `UserError`."""
    model, stamp = resources.model(run), resources.stamp_of(run)
    if not all(bool(p.isfinite().all()) for p in (*model.input_layer.parameters(), model.pos_embedding)):
        raise UserError(
            f"{run.title} has diverged: some of its weights are NaN or infinite. Choose another run."
        )
    return _learned(stamp)
