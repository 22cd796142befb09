"""The Patches page: how an image becomes tokens, what a model learned about them, what a patch size costs."""

import streamlit as st

from dashboard.components import figure_files
from dashboard.components.similarity import similarity
from dashboard.components.stepper import stepper
from dashboard.drawing import html
from dashboard.drawing.markdown import escape, sentence
from dashboard.patches import costs, stepper_data
from dashboard.shared import bound, header, model_outputs, resources, selection
from dashboard.states.patches import PatchesState
from vitcore.errors import UserError

header.title("patches")

found = resources.runs(trained=True, model="vit")
run_control, image_controls, size_control = st.columns([1.4, 3, 1.5], vertical_alignment="bottom")
run = None
if found:
    with run_control:
        run = selection.choose_run(found, PatchesState, "run", "Model")
try:
    data = resources.dataset_of(run) if run else resources.dataset()
except UserError as error:
    st.error(
        f"The images of {escape(run.title) if run else 'the bundled models'} are missing. {sentence(error)}"
    )
    st.stop()
with image_controls:
    chosen = selection.choose_image(data)
own = run.config.options["patch_size"] if run else None
pixels = data.size
sizes = sorted({2, 4, 8, 16, own or 4} & {n for n in range(1, pixels + 1) if pixels % n == 0})
bound.check_link(PatchesState, "patch", sizes, f"patches of {own or 4} pixels")
with size_control:
    size = st.segmented_control(
        "Patch size, pixels", sizes, default=own or 4, required=True,
        **PatchesState.bound("patch", value=None),
    )  # fmt: skip

stepper(**stepper_data.prepare(run, chosen, size), key="stepper")
st.caption(
    f"{escape(chosen.name)}: {pixels} x {pixels} pixels"
    + (f", with the tokens of **{escape(run.title)}**." if run and size == own else ".")
)

if run:
    st.header("What the model learned about patches")
    learned = None
    try:
        with st.spinner("Loading the model"):
            learned = model_outputs.learned(run)
    except UserError as error:
        st.info(sentence(error))
if run and learned:
    filters_place, similar_place = st.columns([1, 1.6], gap="large")
    with filters_place:
        st.markdown("**Patch filters**")
        st.html(html.filter_tiles(learned.filters, learned.shares))
        figure_files.pictures(
            *html.filter_files(learned.filters, learned.shares), key="filters", side=64, columns=7
        )
        side = learned.filters.shape[-1]
        st.caption(
            f"The first {len(learned.shares)} of {3 * side * side} principal components of the projection, "
            f"{side} x {side} pixels each, with their shares of the variance, together "
            f"{100 * learned.shares.sum():.0f} %. Gray is zero; each is scaled to its own largest weight "
            "(as in Dosovitskiy et al. 2021, figure 7)."
        )
    with similar_place:
        st.markdown("**Position embeddings**")
        if not learned.similarity.any():
            st.info("This model has no position embeddings, so it does not know where a patch was.")
        elif len(learned.similarity) == 1:
            st.info("The whole image is one patch, so there is no other position to compare it with.")
        elif len(learned.similarity) > 1024:
            st.info(f"{len(learned.similarity):,} positions are too many to draw.")
        else:
            similarity(learned.similarity, key="similarity")
            origin = "These positions are fixed sines and cosines."
            if run.config.options["position"] == "learned":
                origin = "The model had to learn which positions are adjacent."
            st.caption(
                "Cosine similarity of position embeddings: each tile is one patch against all. **Hover a "
                f"tile** to see its map enlarged. {origin}"
            )

st.header("What the patch size costs")
rows = costs.patch_costs(sizes, size, pixels)
numbers = {
    name: st.column_config.NumberColumn(format="localized") for name in rows[0] if name != "patch size"
}
numbers["of which attention"] = st.column_config.TextColumn(alignment="right")
st.dataframe(rows, hide_index=True, width="stretch", column_config=numbers)
st.caption(
    f"For one image of {pixels} x {pixels} pixels and a ViT of 6 layers, 8 heads, 256 channels, with 3.2 "
    "million parameters in its blocks. "
    "Every token attends to every token, so halving the patch size gives four times the tokens and sixteen "
    "times the attention weights. In the tutorial, a patch size of 4 was best for CIFAR-10."
)
