"""The views of the page: the explorer, the class maps, and the steppers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from dashboard.attention import (
    block,
    class_maps,
    convolution,
    convolution_outputs,
    explorer,
    features,
    head_order,
    side_by_side,
    sinks,
    views,
)
from dashboard.attention.block import Block
from dashboard.attention.convolution import Convolution
from dashboard.attention.explorer import Explorer
from dashboard.attention.features import Features
from dashboard.attention.image_scene import ImageScene
from dashboard.attention.side_by_side import SideBySide
from dashboard.components.download import offer_download
from dashboard.drawing.markdown import sentence
from dashboard.shared import bound, run_selection, run_status, ticking
from dashboard.shared.selection import SelectedImage
from dashboard.states.attention import (
    BLOCK,
    CLASS_MAPS,
    CONVOLUTION,
    FEATURES,
    SIDE_BY_SIDE,
    AttentionState,
)
from vitcore.architectures import ARCHITECTURES
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.runs.folder import Run
from vitcore.runs.status import ACTIVE, State

TICK_S = 5.0  # new snapshots appear while the run trains
MEASURING_TICK_S = 0.7  # progress of a measurement of the heads
QUESTIONS = {BLOCK: "What does one block compute?", CONVOLUTION: "What does one convolution compute?"}
SIDE_QUESTION = "What differs between two views?"
FEATURES_QUESTION = "Which tokens have similar features?"
OWN = "This is your own image. It stays in this session and is not part of the link."
ToFile = Callable[[ImageScene, Mapping[str, str]], str]


def stepper_of(model: str) -> str | None:
    """Return the view with the stepper of an architecture, or None if it has none."""
    if ARCHITECTURES[model].attention:
        return BLOCK
    return CONVOLUTION if model in convolution_outputs.MODELS else None


def question_and_section(model: str) -> tuple[str | None, str | None]:
    """Return the question that the chosen view answers, None for the page's own, and its guide section."""
    view = bound.current(AttentionState, "view")
    if view in QUESTIONS and (stepper := stepper_of(model)):
        return QUESTIONS[stepper], stepper
    if view == SIDE_BY_SIDE and ARCHITECTURES[model].attention:
        return SIDE_QUESTION, SIDE_BY_SIDE
    if view == FEATURES and ARCHITECTURES[model].attention:
        return FEATURES_QUESTION, FEATURES
    if view == CLASS_MAPS or not ARCHITECTURES[model].attention:
        return class_maps.QUESTION, CLASS_MAPS
    return None, None


def choose_view(model: str) -> str:
    """Draw the choice between the views of an architecture, and return the chosen one.

    A model without attention has its class maps in place of the explorer. The view is kept when the model
    changes, as far as both models have it: the stepper of one is exchanged for that of the other. The address
    then holds the view that is shown.
    """
    maps, stepper = AttentionState.options("view")[0], stepper_of(model)
    attention = ARCHITECTURES[model].attention
    others = (SIDE_BY_SIDE, FEATURES) if attention else ()
    choices = tuple(filter(None, (maps, *others, stepper, CLASS_MAPS if attention else None)))
    if len(choices) == 1:
        return maps
    current = bound.current(AttentionState, "view")
    if current not in choices:
        shown = stepper if current in QUESTIONS else maps
        if not bound.held(AttentionState, "view"):
            # the widget would drop the view of the link from the address, and not write the shown one
            bound.write(AttentionState, view=shown)
            st.rerun()
        bound.put(AttentionState, view=shown)
    bound.check_link(AttentionState, "view", choices, maps)
    named = maps if attention else CLASS_MAPS
    return st.segmented_control(
        "View",
        choices,
        required=True,
        label_visibility="collapsed",
        format_func=lambda view: named if view == maps else view,
        **AttentionState.bound("view"),
    )


def show(run: Run, chosen: SelectedImage, data: Dataset, view: str, to_file: ToFile) -> None:
    """Draw a stepper, class maps, or the explorer and what is below it. They follow a run in training.

    `view` is that of `AttentionState`. `to_file` returns the HTML file of a scene, given the parameters
    of its address.
    """
    run_status.warn_of_substitute(run)
    if view not in QUESTIONS and not ARCHITECTURES[run.config.model].attention:
        class_maps.show_without_attention(run, chosen, data.classes)
        return
    views_of_image = {
        BLOCK: _draw_block,
        CONVOLUTION: _draw_convolution,
        CLASS_MAPS: _draw_class_maps,
        FEATURES: _draw_features,
    }
    draw_view = views_of_image.get(view, _draw)
    if view == SIDE_BY_SIDE:
        try:
            draw_view = partial(_draw_pair, side_by_side.choose(run, chosen, data))
        except UserError as error:
            st.error(sentence(error))
            return

    def draw(_: tuple[State, bool]) -> None:
        draw_view(run, chosen, data, to_file)

    def state() -> tuple[State, bool]:
        return run.status().state, draw_view is _draw and head_order.running(run, data)

    every_s = MEASURING_TICK_S if state()[1] else TICK_S
    ticking.fragment(draw, state, every_s=every_s, active=lambda now: now[0] in ACTIVE or now[1])


def _draw_convolution(run: Run, chosen: SelectedImage, data: Dataset, to_file: ToFile) -> None:
    try:
        with st.spinner("Loading the model and computing its convolutions", show_time=True):
            convolution.show(run, chosen, data)
    except UserError as error:
        st.error(sentence(error))
        return
    _offer_file(Convolution(run, chosen, data), to_file)


def _draw_block(run: Run, chosen: SelectedImage, data: Dataset, to_file: ToFile) -> None:
    other = _choose_convolution(run)
    with st.spinner("Loading the model and computing its block", show_time=True):
        try:
            block.show_with_convolution(run, chosen, data, other)
        except UserError as error:
            st.error(sentence(error))
    _offer_file(Block(run, chosen, data, other), to_file)


def _draw_features(run: Run, chosen: SelectedImage, data: Dataset, to_file: ToFile) -> None:
    try:
        with st.spinner("Loading the model and computing its features", show_time=True):
            found = features.show(run, chosen, data)
    except UserError as error:
        st.error(sentence(error))
        return
    _offer_file(Features(run, chosen, data), to_file)
    sinks.show(found, views.prefix_of(run))


def _draw_pair(
    right: tuple[Run, SelectedImage], run: Run, chosen: SelectedImage, data: Dataset, to_file: ToFile
) -> None:
    try:
        with st.spinner("Loading the models and capturing their attention", show_time=True):
            side_by_side.show(run, chosen, *right, data)
    except UserError as error:
        st.error(sentence(error))
        return
    _offer_file(SideBySide(run, chosen, data, right), to_file, own=chosen.own or right[1].own)


def _offer_file(scene: ImageScene, to_file: ToFile, *, own: bool | None = None) -> None:
    """Download the scene as a file if its button HTML was pressed. Note that your own image is in no link.

    `own` says whether an image is the visitor's own. By default, the image of the scene counts.
    """
    if st.session_state.pop(f"{scene.element}_file", False):
        text = to_file(scene, dict(bound.address()))
        name = f"vitlab-{scene.file_stem}-{scene.run.id}.html"
        offer_download(text.encode(), name, "text/html", key=f"{scene.element}_download")
    if scene.chosen.own if own is None else own:
        st.caption(OWN)


def _choose_convolution(run: Run) -> Run | None:
    """Draw the choice of a ResNet to show with the block, and return it if it is to be shown."""
    others = convolution_outputs.suited(class_maps.comparable_runs(run))
    if not others:
        return None
    with st.container(key="inside_controls", horizontal=True, vertical_alignment="center"):
        both = st.toggle(
            "With a convolution",
            help="Shows the steps of a ResNet to the right of the block, or below it in a narrow window.",
            **AttentionState.bound("both", value="value"),
        )
        if not both:
            return None
        return run_selection.choose_run(
            others, AttentionState, "other", "Convolution of", label_visibility="collapsed", width=300
        )


def _draw_class_maps(run: Run, chosen: SelectedImage, data: Dataset, _: ToFile) -> None:
    request = explorer.read_request(run, chosen, bound.address())
    image = chosen.image if request.mask is None else views.masked_image(run, chosen.image, request.mask)
    try:
        others = class_maps.comparable_runs(run)
        class_maps.compare_class_maps(run, request.snapshot, image, data.classes, others, wide=True)
    except UserError as error:
        st.error(sentence(error))
    if chosen.own:
        st.caption(OWN)


def _draw(run: Run, chosen: SelectedImage, data: Dataset, to_file: ToFile) -> None:
    request = explorer.read_request(run, chosen, bound.address())
    head_order.offer(run, data, request.order, request.snapshot)
    with st.container(key="explorer_frame"):
        view = _draw_explorer(run, chosen, data, request)
    if view is None:
        return
    head_order.show_source(run, data, request.order, request.snapshot)
    _offer_file(Explorer(run, chosen, data), to_file)
    maps_place, lens_place = st.columns([1.35, 1], gap="large")
    image = chosen.image if request.mask is None else views.masked_image(run, chosen.image, request.mask)
    with maps_place:
        st.header(class_maps.QUESTION)
        try:
            others = class_maps.comparable_runs(run)
            class_maps.compare_class_maps(run, request.snapshot, image, data.classes, others)
        except UserError as error:  # for example of the other run: the rest can still be drawn
            st.error(sentence(error))
    with lens_place:
        class_maps.show_logit_lens(run, view, data.classes, chosen.truth)
        st.download_button(
            "Download the arrays (.npz)",
            data=lambda: views.arrays(run, None if request.positions else image, request.snapshot),
            file_name=f"vitlab-attention-{run.id}.npz",
            on_click="ignore",
            help="Weights of all heads, rollout, probabilities, logit lens and distances, in float32.",
        )


def _draw_explorer(
    run: Run, chosen: SelectedImage, data: Dataset, request: explorer.ExplorerRequest
) -> views.AttentionView | None:
    """Draw the explorer, and return what it shows, or None after an error.

    Of a model with many tokens, the browser asks for each token. Nothing else on the page depends on it, so
    the explorer is then a fragment of its own, and only it is drawn again.
    """

    def draw() -> views.AttentionView:
        with st.spinner("Loading the model and capturing its attention", show_time=True):
            return explorer.show(run, chosen, data)[0]

    if not views.too_many_tokens(run):
        return draw()
    drawn: list[views.AttentionView] = []

    @st.fragment
    def draw_on_demand() -> None:
        if not request.differs_in_token_only(explorer.read_request(run, chosen, bound.address())):
            st.rerun()
        try:
            view = draw()
        except UserError as error:
            st.error(sentence(error))
            return
        if not drawn:  # the session keeps this list: it must not grow with every token
            drawn.append(view)

    draw_on_demand()
    return drawn[0] if drawn else None
