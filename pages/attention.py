"""The Attention page: where a patch looks in every head of every layer, and the steps inside a block."""

import streamlit as st

from dashboard.attention import class_maps, panel
from dashboard.drawing.markdown import escape, sentence
from dashboard.shared import header, model_outputs, resources, selection
from dashboard.standalone import explorer_file
from dashboard.states.attention import AttentionState
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError

found = resources.runs(trained=True)
if not found:
    header.title("attention")
    header.stop_without_runs("There is no trained model yet.")
shown = ARCHITECTURES[selection.selected_run(found, AttentionState, "run").config.model]
if shown.attention:
    question, about = panel.question_and_section()
    with header.title("attention", question=question, about=about).row:
        view = panel.choose_view()
else:
    header.title("attention", question=class_maps.QUESTION)

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
    class_maps.show_without_attention(run, chosen, data.classes)
    st.stop()

panel.show(run, chosen, data, view, explorer_file.explorer_file)
