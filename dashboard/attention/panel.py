"""The page below its controls, for a model with attention: stepper, or explorer and class maps."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.attention import block, class_maps, explorer, views
from dashboard.components.download import offer_download
from dashboard.drawing.markdown import sentence
from dashboard.shared import bound, ticking
from dashboard.shared.selection import SelectedImage
from dashboard.states.attention import BLOCK, CLASS_MAPS, AttentionState
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.runs.folder import Run
from vitcore.runs.status import ACTIVE, State

TICK_S = 5.0  # new snapshots appear while the run trains
QUESTION_OF_BLOCK = "What does one block compute?"
OWN = "This is your own image. It stays in this session and is not part of the link."
ToFile = Callable[[Run, SelectedImage, Dataset, dict[str, str]], str]


def question_and_section() -> tuple[str | None, str | None]:
    """Return the question that the chosen view answers, None for the page's own, and its guide section."""
    questions = {BLOCK: QUESTION_OF_BLOCK, CLASS_MAPS: class_maps.QUESTION}
    view = bound.current(AttentionState, "view")
    return (questions[view], view) if view in questions else (None, None)


def choose_view() -> str:
    """Draw the choice between the explorer, the stepper and the class maps, and return it."""
    views = AttentionState.options("view")
    bound.check_link(AttentionState, "view", views, views[0])
    return st.segmented_control(
        "View", views, required=True, label_visibility="collapsed",
        **AttentionState.bound("view"),
    )  # fmt: skip


def show(run: Run, chosen: SelectedImage, data: Dataset, view: str, to_file: ToFile) -> None:
    """Draw the stepper, the class maps, or the explorer and what is below it. They follow a run in training.

    `view` is that of `AttentionState`. `to_file` returns it as an HTML file, given the parameters.
    """
    draw_view = {BLOCK: _draw_block, CLASS_MAPS: _draw_class_maps}.get(view, _draw)

    def draw(_: State) -> None:
        draw_view(run, chosen, data, to_file)

    ticking.fragment(draw, lambda: run.status().state, every_s=TICK_S, active=ACTIVE.__contains__)


def _draw_block(run: Run, chosen: SelectedImage, data: Dataset, to_file: ToFile) -> None:
    with st.spinner("Loading the model and computing its block"):
        block.show(run, chosen, data)
    if st.session_state.pop("block_file", False):  # the button HTML was pressed
        text = to_file(run, chosen, data, dict(bound.address()))
        offer_download(text.encode(), f"vitlab-block-{run.id}.html", "text/html", key="block_download")
    if chosen.own:
        st.caption(OWN)


def _draw_class_maps(run: Run, chosen: SelectedImage, data: Dataset, _: ToFile) -> None:
    request = explorer.read_request(run, chosen, bound.address())
    image = chosen.image if request.mask is None else views.masked_image(chosen.image, request.mask)
    try:
        others = class_maps.comparable_runs(run)
        class_maps.compare_class_maps(run, request.snapshot, image, data.classes, others, wide=True)
    except UserError as error:
        st.error(sentence(error))
    if chosen.own:
        st.caption(OWN)


def _draw(run: Run, chosen: SelectedImage, data: Dataset, to_file: ToFile) -> None:
    place = st.container(key="explorer_frame")
    with place, st.spinner("Loading the model and capturing its attention"):
        view, request = explorer.show(run, chosen, data)
    if st.session_state.pop("explorer_file", False):  # the button HTML was pressed
        text = to_file(run, chosen, data, dict(bound.address()))
        offer_download(text.encode(), f"vitlab-explorer-{run.id}.html", "text/html", key="explorer_download")
    if chosen.own:
        st.caption(OWN)
    maps_place, lens_place = st.columns([1.35, 1], gap="large")
    image = chosen.image if request.mask is None else views.masked_image(chosen.image, request.mask)
    with maps_place:
        st.header(class_maps.QUESTION)
        try:
            others = class_maps.comparable_runs(run)
            class_maps.compare_class_maps(run, request.snapshot, image, data.classes, others)
        except UserError as error:  # for example of the other run: the rest can still be drawn
            st.error(sentence(error))
    with lens_place:
        class_maps.show_logit_lens(view, data.classes, chosen.truth)
        st.download_button(
            "Download the arrays (.npz)",
            data=lambda: views.arrays(run, None if request.positions else image, request.snapshot),
            file_name=f"vitlab-attention-{run.id}.npz",
            on_click="ignore",
            help="Weights of all heads, rollout, probabilities, logit lens and distances, in float32.",
        )
