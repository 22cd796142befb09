"""Patches: how an image becomes tokens, what a model learned about them, and what the patch size costs."""

import numpy as np
import streamlit as st

from dashboard import pictures, resources, selection, views
from dashboard.components.similarity import similarity
from dashboard.components.stepper import stepper
from vitcore.errors import UserError

st.title("How does an image become a sequence?")

found = resources.runs(trained=True, model="vit")
run_control, image_controls, size_control = st.columns([1.4, 3, 1.5], vertical_alignment="bottom")
run = None
if found:
    with run_control:
        run = selection.choose_run(found, "Tokens of")
try:
    data = resources.dataset_of(run) if run else resources.dataset()
except UserError as error:
    st.error(f"The images of {run.title} are gone. {error}")
    st.stop()
with image_controls:
    chosen = selection.choose_image(data)
own = run.config.options["patch_size"] if run else None
pixels = data.size
sizes = sorted({2, 4, 8, 16, own or 4} & {n for n in range(1, pixels + 1) if pixels % n == 0})
if st.session_state.get("patch") not in sizes:
    st.session_state.pop("patch", None)
with size_control:
    size = st.segmented_control(
        "Patch size, pixels", sizes, default=own or 4, key="patch", bind="query-params", required=True
    )

learned, note = None, "There is no trained ViT yet: the next steps are drawn from its weights."
if run:
    try:
        with st.spinner("Loading the model"):
            learned = views.learned(run, chosen.image)
    except UserError as error:
        note = str(error)
shown = learned if learned and size == own else None
if learned and not shown:
    note = f"{run.title} reads patches of {own} x {own} pixels: choose {own} to see its tokens."
st.caption(f"{chosen.name}: {pixels} x {pixels} pixels")
stepper(
    chosen.image, size, shown.tokens if shown else None, shown.positions if shown else None,
    key="stepper", note="" if shown else note,
)  # fmt: skip

if learned:
    filters_place, similar_place = st.columns([1, 1.6], gap="large")
    with filters_place:
        st.subheader("What it looks for in a patch")
        scaled = learned.filters / np.abs(learned.filters).max(axis=(1, 2, 3), keepdims=True)
        tiles = (127.5 + 127.5 * scaled).round().astype(np.uint8).transpose(0, 2, 3, 1)
        st.image(
            pictures.tiles(tiles, 7, gap=2, zoom=max(1, 32 // own)),
            width="stretch", output_format="PNG", alt=f"{len(tiles)} principal components of the projection",
        )  # fmt: skip
        st.caption(
            f"The first {len(tiles)} principal components of the projection weights, {own} x {own} pixels "
            f"each; grey is zero. The first holds {100 * learned.shares[0]:.0f} % of the variance, all of "
            f"these {100 * learned.shares.sum():.0f} % (as in Dosovitskiy et al. 2021, figure 7)."
        )
    with similar_place:
        st.subheader("What it knows about places")
        if not learned.similarity.any():
            st.info("This model has no position embeddings: it does not know where a patch was.")
        elif len(learned.similarity) > 1024:
            st.info(f"{len(learned.similarity):,} positions are too many to draw them all.")
        else:
            similarity(learned.similarity, key="similarity")
            told = "These positions are fixed sines and cosines."
            if run.config.options["position"] == "learned":
                told = "Nobody told the model which places are neighbours."
            st.caption(
                "Cosine similarity of position embeddings, violet -1 to orange 1: each tile is one patch "
                f"against all. **Hover a tile.** {told}"
            )

st.subheader("What the patch size costs")
rows = views.patch_costs(size)
numbers = {
    name: st.column_config.NumberColumn(format="localized") for name in rows[0] if name != "patch size"
}
numbers.pop("of these for attention")
st.dataframe(rows, hide_index=True, width="stretch", column_config=numbers)
st.caption(
    "For one image of 32 x 32 pixels and a ViT of 6 layers, 8 heads, 256 channels, 3.2 million parameters. "
    "Every token attends to every token, so halving the patch size gives four times the tokens and sixteen "
    "times the attention weights. The tutorial found 4 best for CIFAR-10."
)
