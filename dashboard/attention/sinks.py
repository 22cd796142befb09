"""The norms of all tokens, the outliers among them, and the attention that these receive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard.attention import sink_figures
from dashboard.attention.features import TokenFeatures
from dashboard.components import figure_files
from vitcore import numbers

OUTLIERS = "outlier tokens"
RULE = (
    "A ring marks an outlier: a norm at least twice the median of the patches, and more than five robust "
    "standard deviations (1.4826 times the median absolute deviation) above it."
)


def groups_of(found: TokenFeatures, prefix: Sequence[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the share of attention [L] and the number of tokens [L] of each group of tokens, by its name.

    The groups are the outliers at the input of each layer, CLS, and the other tokens before the patches. CLS
    and registers can be outliers, too.
    """
    layers, tokens = found.received.shape
    named = np.arange(tokens)
    front, has_cls = len(prefix), "cls" in prefix
    members = {OUTLIERS: found.outliers[:layers]}
    if has_cls:
        members["CLS"] = np.broadcast_to(named == 0, (layers, tokens))
    if front > has_cls:
        kinds = sorted({"registers" if name.startswith("register") else name for name in prefix} - {"cls"})
        others = (named >= has_cls) & (named < front)
        members[" and ".join(kinds)] = np.broadcast_to(others, (layers, tokens))
    return {
        name: ((found.received.astype(np.float64) * chosen).sum(axis=1), chosen.sum(axis=1))
        for name, chosen in members.items()
    }


def finding(groups: dict[str, tuple[np.ndarray, np.ndarray]], tokens: int) -> str:
    """Return one sentence on the layer in which the outliers receive the largest share of attention."""
    share, count = groups[OUTLIERS]
    if not count.any():
        return "No token of this image is an outlier at the input of any layer."
    layer = int(share.argmax())
    received = numbers.percent(float(share[layer]), 1)
    uniform = numbers.percent(float(count[layer] / tokens), 1)
    words = (
        ("is an outlier and receives", "it") if count[layer] == 1 else ("are outliers and receive", "them")
    )
    return (
        f"In layer {layer + 1}, {count[layer]} of {tokens:,} tokens {words[0]} {received} of the attention. "
        f"Uniform attention would give {words[1]} {uniform}."
    )


def show(found: TokenFeatures, prefix: Sequence[str]) -> None:
    """Draw the norms of all tokens, and the attention that the outliers receive."""
    layers, tokens = found.received.shape
    groups = groups_of(found, prefix)
    st.header("Which tokens have outlier norms, and how much attention do they receive?")
    st.markdown(finding(groups, tokens))
    norms_place, shares_place = st.columns([1.6, 1], gap="large")
    with norms_place:
        st.markdown("**Norm of every token after every layer**")
        figure = sink_figures.norms(found.norms[: layers + 1], found.outliers[: layers + 1], prefix)
        figure_files.show(figure, key="norms", alt="L2 norm of every token after every layer")
        st.caption(f"L2 norms of the residual stream, in multiples of the median of the patches. {RULE}")
    with shares_place:
        st.markdown("**Attention that they receive**")
        figure = sink_figures.shares(groups, tokens)
        figure_files.show(
            figure, key="sinks", alt="share of attention that outlier tokens receive in each layer"
        )
        st.caption(
            "Means over all heads and queries of this image. The outliers of a layer are those at its input. "
            "CLS and registers are counted as outliers, too, where they are (Darcet et al. 2024)."
        )
