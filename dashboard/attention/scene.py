"""The scene of Attention: one or two explorers of a ViT, a stepper, or class maps of one or two models."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.attention import (
    attributions,
    class_maps,
    compared_maps,
    convolution_outputs,
    explorer,
    head_order,
    map_checks,
    side_by_side,
    views,
)
from dashboard.attention.attributions import Items, Question
from dashboard.attention.block import Block
from dashboard.attention.convolution import STEP_OF_TWO, Convolution
from dashboard.attention.explorer import Explorer
from dashboard.attention.features import Features
from dashboard.attention.image_scene import ImageScene
from dashboard.attention.side_by_side import SideBySide
from dashboard.drawing import pictures
from dashboard.drawing.prediction import prediction
from dashboard.shared import model_outputs, page_runs, resources
from dashboard.shared.page_state import SETTING
from dashboard.shared.scene_links import Query, image_in, read_state, run_in, unusable
from dashboard.shared.scenes import IMAGE, Pictures
from dashboard.shared.selection import SelectedImage
from dashboard.states.attention import (
    BLOCK,
    CLASS_MAPS,
    CONVOLUTION,
    FEATURES,
    NO_CONTRAST,
    PREDICTED,
    SIDE_BY_SIDE,
    AttentionState,
)
from vitcore.architectures import ARCHITECTURES
from vitcore.attribution import Method
from vitcore.data import Dataset
from vitcore.runs.folder import Run


def scene(query: Query) -> ImageScene | Pictures:
    """Return the scene of the run and the image that the link names. Raise `UserError`."""
    state = read_state(AttentionState, query, "view")
    run = run_in(state.run, page_runs.offered("attention"))
    data = resources.dataset_of(run)
    chosen = image_in(state, data, run)
    if state.view == CONVOLUTION:
        return _convolution(run, chosen, data, query)
    if state.view == CLASS_MAPS or not ARCHITECTURES[run.config.model].attention:
        return _class_maps(run, chosen, data, state, query)
    if state.view == SIDE_BY_SIDE:
        made = SideBySide(run, chosen, data, side_by_side.linked(run, chosen, data, query))
    elif state.view == FEATURES:
        made = Features(run, chosen, data)
    elif state.view == BLOCK:
        made = Block(run, chosen, data, _resnet(run, chosen, data, state, query) if state.both else None)
    else:
        made = Explorer(run, chosen, data)
    _, side, _ = views.tokens_of(run)
    options = run.config.options
    sizes = f"{options['num_layers']} layers, {options['num_heads']} heads, {side} x {side} patches"
    _check(made, query, sizes)
    if isinstance(made, Explorer) and state.order != head_order.LAYERS and not made.has_behavior(query):
        raise unusable("order", query, "measure the heads on Attention first, or leave it out")
    return made


def _check(made: ImageScene, query: Query, sizes: str = "") -> None:
    """Raise `UserError` if the scene lacks something that the link names. `sizes` says what its run has."""
    if wrong := made.compute(query):
        has = f". {made.run.title} has {sizes}" if sizes else ""
        raise unusable(wrong[0], query, f"set it on Attention and copy the step again{has}")


def _resnet(run: Run, chosen: SelectedImage, data: Dataset, state: AttentionState, query: Query) -> Run:
    """Return the ResNet whose convolution is shown with the block of `run`."""
    others = convolution_outputs.suited(class_maps.comparable_runs(run))
    if not others:
        raise unusable("both", query, "there is no ResNet for the same kind of images")
    other = run_in(state.other, others)
    _check(Convolution(other, chosen, data, step=STEP_OF_TWO), query)
    return other


def _convolution(run: Run, chosen: SelectedImage, data: Dataset, query: Query) -> Convolution:
    if run.config.model not in convolution_outputs.MODELS:
        raise unusable("view", query, f"{run.title} is no ResNet: name another run")
    made = Convolution(run, chosen, data)
    _check(made, query, f"{len(convolution_outputs.sizes_of(run)) - 1} blocks")
    return made


def _class_maps(
    run: Run, chosen: SelectedImage, data: Dataset, state: AttentionState, query: Query
) -> Pictures:
    """Return the image and its class maps by the methods of the link, with their checks if it asks for them.

    A ViT is shown with the run to compare with, a model without attention alone.
    """
    snapshot, image, other = None, chosen.image, None
    if ARCHITECTURES[run.config.model].attention:
        request = explorer.read_request(run, chosen, query)
        snapshot = request.snapshot
        image = image if request.mask is None else views.masked_image(run, image, request.mask)
        others = class_maps.comparable_runs(run)
        other = run_in(state.other, others) if others or state.other else None
    probabilities = model_outputs.outputs(run, image, snapshot).probabilities
    first = prediction(probabilities, data.classes)
    target = first.index if state.target == PREDICTED else _class_index("target", state.target, data, query)
    against = None if state.minus == NO_CONTRAST else _class_index("minus", state.minus, data, query)

    def choose(subject: Run, field: str, methods: Mapping[str, Method], stages: int) -> tuple[Method, Items]:
        name = getattr(state, field)
        if name and name not in methods:
            raise unusable(AttentionState.parameter(field), query, f"use {', '.join(methods)}")
        method = methods[name] if name else next(iter(methods.values()))
        if not ARCHITECTURES[subject.config.model].attention and (state.stage or 1) > max(stages, 1):
            raise unusable("stage", query, f"use a number up to {stages}")
        stage = state.stage if stages > 1 else None
        settings, wrong = attributions.settings_of(method, state.settings, stage)
        if wrong:
            setting = method.settings[wrong[0].removeprefix(SETTING)]
            raise unusable(wrong[0], query, f"use {', '.join(map(str, setting.options))}")
        return method, settings

    questions = compared_maps.questions_of(run, snapshot, image, other, (target, against), choose)
    return _pictures(questions, chosen, data, state)


def _class_index(field: str, name: str, data: Dataset, query: Query) -> int:
    if name not in data.classes:
        choices = ", ".join(data.classes[:20])
        raise unusable(AttentionState.parameter(field), query, f"{data.name} has {choices}")
    return data.classes.index(name)


def _pictures(
    questions: list[Question], chosen: SelectedImage, data: Dataset, state: AttentionState
) -> Pictures:
    """Return the image and the maps in the color scale of the page, each followed by its check if asked."""
    maps = [attributions.values(question) for question in questions]
    against = None if state.minus == NO_CONTRAST else state.minus
    scale = compared_maps.color_scale(questions, maps, data.classes[questions[0].target], against)
    signed, limits = scale.signed, scale.limits
    words = "" if state.target == PREDICTED else f" for {state.target}"
    words += f" minus {against}" if against else ""
    parts = [(IMAGE, pictures.data_url(questions[0].image), chosen.name)]
    for question, values in zip(questions, maps, strict=True):
        name, confidence = attributions.predicted(question, data.classes)
        made = pictures.encoded(pictures.overlay(question.image, values, limits=limits, signed=signed))
        parts.append((f"{question.title}{words}", made, f"predicts {name}, {confidence} confidence"))
        if state.checked:
            check = list(attributions.check(question))[-1][2]
            assert check is not None  # the last item has the checks
            made = pictures.overlay(question.image, check.random_map, limits=limits, signed=signed)
            words_of_check = f"rank correlation {map_checks.correlation(check)}"
            parts.append((f"{question.title}, random weights", pictures.encoded(made), words_of_check))
    return Pictures(parts, (scale.low, pictures.overlay_bar(signed=signed), scale.high))
