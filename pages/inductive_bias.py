"""The Inductive bias page: the same images in two models with different built-in assumptions."""

import streamlit as st

from dashboard.drawing.markdown import sentence
from dashboard.inductive_bias import experiments, live_image, sample_efficiency, summary
from dashboard.shared import bound, default_runs, header, page_runs, resources, run_selection
from dashboard.states.inductive_bias import BiasState
from vitcore.errors import UserError
from vitcore.probes import PROBES

titles = summary.ALL_TITLES
linked = bound.current(BiasState, "probe")
header.title("inductive_bias", about=titles.get(linked, linked))

found = page_runs.offered("inductive_bias")
if not found:
    header.stop_without_runs("There is no trained model yet.")

name = bound.choose(
    st.segmented_control,
    BiasState,
    "probe",
    "Experiment",
    titles,
    first=summary.default_view(bound.read(BiasState)[0]),
    titles=True,
    required=True,
    label_visibility="collapsed",
    width="stretch",
)
if name == summary.NAME:
    summary.show(found)
    st.stop()
if name == sample_efficiency.NAME:
    sample_efficiency.show()
    st.stop()

probe = PROBES[name]
vit, resnet = default_runs.default_pair()
first_control, second_control, count_control, base_control = st.columns(
    [1.5, 1.5, 1.2, 1], vertical_alignment="bottom"
)
with first_control:
    first = run_selection.choose_run(found, BiasState, "run", "Model", first=vit)
with second_control:
    others = page_runs.comparable(first, found, same_classes=probe.needs != "images")
    usual = resnet if resnet in others else None
    alone = {first.id: "the model itself" if probe.pair else "no other model"}
    second = run_selection.choose_run(others, BiasState, "against", "Compare with", first=usual, named=alone)
count = experiments.number_of_images(count_control, first, probe)
untrained = base_control.toggle(
    "Include untrained",
    **BiasState.bound("untrained", value="value"),
    help="Adds the same models with their initial random weights, which show the effect of the architecture.",
)

st.header(probe.question)

has_live = probe.live and first.config.has_classifier and first.weights and second.weights
live = st.container(key="live") if has_live else None
if live:
    live.empty()  # style/page.css reserves its height at once
experiments.panel(probe, [first, second], count, untrained=untrained)
if live and probe.live:  # after the stored results, since it loads torch and both models
    try:
        with live:
            live_image.show(probe, probe.live, [first, second], resources.dataset_of(first))
    except UserError as error:
        live.error(sentence(error))
