"""The Attention page: where each patch looks, and the steps inside a block or a convolution."""

import streamlit as st

from dashboard.attention import panel
from dashboard.drawing.markdown import escape, sentence
from dashboard.shared import header, model_outputs, page_runs, resources, run_selection, selection
from dashboard.standalone import scene_file
from dashboard.states.attention import AttentionState
from vitcore.errors import UserError

found = page_runs.offered("attention")
if not found:
    header.title("attention")
    header.stop_without_runs("There is no trained model yet.")
model = run_selection.selected_run(found, AttentionState, "run").config.model
question, about = panel.question_and_section(model)
with header.title("attention", question=question, about=about).row:
    view = panel.choose_view(model)

run_control, image_controls = st.columns([1.5, 3.5], vertical_alignment="bottom")
with run_control:
    run = run_selection.choose_run(found, AttentionState, "run", "Model")
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

panel.show(run, chosen, data, view, scene_file.scene_file)
