"""The Patches page: how an image becomes tokens, what a model learned about them, what a patch size costs."""

import streamlit as st

from dashboard.components.stepper import stepper
from dashboard.drawing.markdown import escape, sentence
from dashboard.page_table import PAGES
from dashboard.patches import costs, learned, stepper_data
from dashboard.shared import bound, columns, header, page_runs, resources, run_selection, selection
from dashboard.states.patches import PatchesState
from vitcore.errors import UserError

header.title("patches")

found = page_runs.offered("patches")
run_control, image_controls, size_control = st.columns([1.4, 3, 1.5], vertical_alignment="bottom")
run = None
if found:
    with run_control:
        run = run_selection.choose_run(found, PatchesState, "run", "Model", unsuited=stepper_data.unsuited)
try:
    data = resources.dataset_of(run) if run else resources.dataset()
except UserError as error:
    st.error(
        f"The images of {escape(run.title) if run else 'the bundled models'} are missing. {sentence(error)}"
    )
    st.stop()
with image_controls:
    chosen = selection.choose_image(data)
own, pixels = stepper_data.patch_size(run), data.size
sizes = stepper_data.sizes(pixels, own)
bound.check_link(PatchesState, "patch", sizes, f"patches of {own} pixels")
with size_control:
    size = st.segmented_control(
        "Patch size, pixels",
        sizes,
        default=own,
        required=True,
        **PatchesState.bound("patch", value=None),
    )

steps = stepper_data.prepare(run, chosen, size)
stepper(**steps, key="stepper")
st.caption(
    f"{escape(chosen.name)}: {pixels} x {pixels} pixels"
    + (f", with the tokens of **{escape(run.title)}**." if run and steps["tokens"] is not None else ".")
)

if run:
    inside = stepper_data.first_block(run, own_image=chosen.own)
    st.page_link(
        PAGES["attention"].script,
        label="Continue inside the first block",
        icon=":material/arrow_forward:",
        query_params=inside.parameters(),
    )
    learned.show(run)

st.header("What the patch size costs")
conv_stem = bool(run and run.config.options.get("conv_stem"))
stem = ", whose tokens come from a convolutional stem" if conv_stem else ""
rows = costs.patch_costs(sizes, size, pixels, conv_stem=conv_stem)
numbers = {name: columns.COUNT for name in rows[0] if name != "patch size"}
numbers["of which attention"] = st.column_config.TextColumn(alignment="right")
st.dataframe(rows, hide_index=True, width="stretch", column_config=numbers)
st.caption(
    f"For one image of {pixels} x {pixels} pixels and a ViT of 6 layers, 8 heads, 256 channels, with 3.2 "
    f"million parameters in its blocks{stem}. Multiply-adds are those of one prediction, as on Compare: the "
    "last block computes only CLS. Every token attends to every token, so halving the patch size gives four "
    "times the tokens and sixteen times the attention weights. In the tutorial, a patch size of 4 was best "
    "for CIFAR-10."
)
