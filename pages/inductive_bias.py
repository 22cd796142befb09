"""The Inductive bias page: the same images in two models with different built-in assumptions."""

import streamlit as st

from dashboard.drawing.markdown import sentence
from dashboard.inductive_bias import experiments, live_image, sample_efficiency
from dashboard.inductive_bias.state import BiasState
from dashboard.shared import header, resources, selection
from vitcore.errors import UserError
from vitcore.probes import PROBES

shown = st.session_state.get("probe") or st.query_params.get("probe")
header.title("inductive_bias", about=shown)

found = resources.runs(trained=True)
if not found:
    st.info("There is no trained model yet.")
    st.page_link("../pages/training.py", label="Train one", icon=":material/arrow_forward:")
    st.stop()

titles = {probe.title: probe for probe in PROBES.values()}
selection.check_link("probe", [*titles, sample_efficiency.TITLE], next(iter(titles)))
title = st.segmented_control(
    "Experiment",
    [*titles, sample_efficiency.TITLE],
    default=next(iter(titles)),
    key="probe",
    bind="query-params",
    required=True,
    label_visibility="collapsed",
    width="stretch",
)
if title == sample_efficiency.TITLE:
    sample_efficiency.show()
    st.stop()

shelf = resources.bundled()
first_control, second_control, count_control, base_control = st.columns(
    [1.5, 1.5, 1.2, 1], vertical_alignment="bottom"
)
with first_control:
    first = selection.choose_run(found, "Model", key="run", first=shelf.get("vit"))
with second_control:
    second = selection.choose_run(found, "Compare with", key="against", first=shelf.get("resnet"))
count = count_control.segmented_control(
    "Test images", experiments.COUNTS, required=True, **BiasState.bound("count")
)
untrained = base_control.toggle(
    "Include untrained", **BiasState.bound("untrained", value="value"),
    help="Adds the same models with their initial random weights, which show the effect of the architecture.",
)  # fmt: skip

probe = titles[title]
st.header(probe.question)

live = st.container(key="live") if probe.name in live_image.KINDS else None
if live:
    live.empty()  # style.css reserves its height
experiments.panel(probe, [first, second], count, untrained=untrained)
if live:  # after the stored results, because it loads torch and both models
    try:
        with live:
            live_image.show(probe.name, [first, second], resources.dataset_of(first))
    except UserError as error:
        live.error(sentence(error))
