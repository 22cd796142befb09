"""What a ViT learned about patches: the filters of its projection, and its position embeddings."""

from __future__ import annotations

import streamlit as st

from dashboard.components import figure_files
from dashboard.components.similarity import similarity
from dashboard.drawing import html
from dashboard.drawing.markdown import sentence
from dashboard.patches import weights
from vitcore import numbers
from vitcore.errors import UserError
from vitcore.runs.folder import Run


def show(run: Run) -> None:
    """Draw the filters and the position embeddings of a ViT side by side."""
    st.header("What the model learned about patches")
    try:
        with st.spinner("Loading the model"):
            learned = weights.learned(run)
    except UserError as error:
        st.info(sentence(error))
        return
    filters_place, similar_place = st.columns([1, 1.6], gap="large")
    with filters_place:
        _filters(learned)
    with similar_place:
        _positions(learned, run.config.options["position"])


def _filters(learned: weights.Learned) -> None:
    st.markdown("**Patch filters**")
    if learned.filters is None:
        st.info("This model has convolutions in place of the patch projection, so it has no patch filters.")
        return
    st.html(html.filter_tiles(learned.filters, learned.shares))
    files = html.filter_files(learned.filters, learned.shares)
    figure_files.pictures(*files, key="filters", side=64, columns=7)
    side = learned.filters.shape[-1]
    st.caption(
        f"The first {len(learned.shares)} of {3 * side * side} principal components of the projection, "
        f"{side} x {side} pixels each, with their shares of the variance, together "
        f"{numbers.percent(learned.shares.sum(), 0)}. Gray is zero; each is scaled to its own largest weight "
        "(as in Dosovitskiy et al. 2021, figure 7)."
    )


def _positions(learned: weights.Learned, kind: str) -> None:
    st.markdown("**Position embeddings**")
    count = len(learned.similarity)
    if kind == "rotary":
        st.info(
            "This model has rotary positions: each block turns queries and keys by angles that depend on "
            "where a patch was. There are no position embeddings to compare."
        )
    elif not learned.similarity.any():
        st.info("This model has no position embeddings, so it does not know where a patch was.")
    elif count == 1:
        st.info("The whole image is one patch, so there is no other position to compare it with.")
    else:
        shown = similarity(learned.similarity, key="similarity")
        some = f", for {shown:,} of the {count:,} patches" if shown < count else ""
        origin = "These positions are fixed sines and cosines."
        if kind == "learned":
            origin = "The model had to learn which positions are adjacent."
        st.caption(
            f"Cosine similarity of position embeddings: each tile is one patch against all{some}. **Hover a "
            f"tile** to see its map enlarged. {origin}"
        )
