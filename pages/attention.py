"""The Attention page: where a patch looks, in every head of every layer."""

import streamlit as st

from dashboard.attention import class_maps, explorer
from dashboard.components.download import offer_download
from dashboard.drawing.markdown import escape, sentence
from dashboard.shared import bound, header, model_outputs, resources, selection
from dashboard.standalone import explorer_file
from dashboard.states.attention import AttentionState
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError
from vitcore.runs.status import ACTIVE

header.title("attention")

found = resources.runs(trained=True)
if not found:
    st.info("There is no trained model yet.")
    st.page_link("../pages/training.py", label="Train one", icon=":material/arrow_forward:")
    st.stop()

run_control, image_controls = st.columns([1.5, 3.5], vertical_alignment="bottom")
with run_control:
    run = selection.choose_run(found, AttentionState, "run", "Model")
try:
    data = resources.dataset_of(run)
except UserError as error:
    st.error(f"The images of {escape(run.title)} are missing. {sentence(error)}")
    st.stop()
with image_controls:
    try:
        chosen = selection.choose_image(data, lambda: model_outputs.predictions(run, data))
    except UserError as error:
        st.error(sentence(error))
        st.stop()

if not ARCHITECTURES[run.config.model].attention:
    class_maps.show_grad_cam(run, chosen, data.classes)
    st.stop()


@st.fragment(run_every=5.0 if run.status().state in ACTIVE else None)
def explore() -> None:
    """Draw the explorer and the content below it. New snapshots appear while the run trains."""
    place = st.container(key="explorer_frame")
    try:
        with place, st.spinner("Loading the model and capturing its attention"):
            view, request = explorer.show(run, chosen, data)
    except UserError as error:
        st.error(sentence(error))
        return
    if st.session_state.pop("explorer_file", False):  # the button HTML was pressed
        text = explorer_file.explorer_file(run, chosen, data, dict(bound.address()))
        offer_download(text.encode(), f"vitlab-explorer-{run.id}.html", "text/html", key="explorer_download")
    if chosen.own:
        st.caption("This is your own image. It stays in this session and is not part of the link.")
    maps_place, lens_place = st.columns([1.35, 1], gap="large")
    image = chosen.image if request.mask is None else model_outputs.masked_image(chosen.image, request.mask)
    try:
        with maps_place:
            class_maps.compare_class_maps(
                run, request.snapshot, image, data.classes, class_maps.comparable_runs(run)
            )
    except UserError as error:
        st.error(sentence(error))
    with lens_place:
        class_maps.show_logit_lens(view, data.classes, chosen.truth)
        st.download_button(
            "Download the arrays (.npz)",
            data=lambda: model_outputs.arrays(run, None if request.positions else image, request.snapshot),
            file_name=f"vitlab-attention-{run.id}.npz",
            on_click="ignore",
            help="Weights of all heads, rollout, probabilities, logit lens and distances, in float32.",
        )


explore()
