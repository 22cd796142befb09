"""The scene of Attention: one or two explorers of a ViT, a stepper, or class maps of one or two models."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.attention import (
    attributions,
    block,
    class_maps,
    compared_maps,
    convolution,
    convolution_outputs,
    explorer,
    features,
    head_order,
    map_checks,
    side_by_side,
    views,
)
from dashboard.attention.attributions import Items, Question
from dashboard.drawing import pictures
from dashboard.drawing.prediction import prediction
from dashboard.shared import model_outputs, page_runs, resources
from dashboard.shared.page_state import SETTING
from dashboard.shared.scenes import (
    Block,
    Convolution,
    Explorer,
    Features,
    Pictures,
    Query,
    SideBySide,
    image_in,
    read_state,
    run_in,
    unusable,
)
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


def scene(query: Query) -> Explorer | SideBySide | Features | Block | Convolution | Pictures:
    """Return the scene of the run and the image that the link names. Raises `UserError`."""
    state = read_state(AttentionState, query, "view")
    run = run_in(state.run, page_runs.offered("attention"))
    data = resources.dataset_of(run)
    chosen = image_in(state, data, run)
    if state.view == CONVOLUTION:
        return _convolution(run, chosen, data, query)
    if state.view == CLASS_MAPS or not ARCHITECTURES[run.config.model].attention:
        return _class_maps(run, chosen, data, state, query)
    right = side_by_side.linked(run, chosen, data, query) if state.view == SIDE_BY_SIDE else None
    if state.view == BLOCK:
        header, _, _ = block.prepare(run, chosen, data, query)
        wrong = block.unavailable(run, query)
    elif state.view == FEATURES:
        header, *_ = features.prepare(run, chosen, data, query)
        header |= {"heads": run.config.options["num_heads"]}
        wrong = features.unavailable(run, query)
    elif right:
        header, _ = side_by_side.prepare(*side_by_side.sides_of(run, chosen, *right, query), data, query)
        wrong = side_by_side.unavailable(header, query)
        header = header["sides"][0]
    else:
        header, _, _ = explorer.prepare(run, chosen, data, query)
        wrong = explorer.unavailable(header, query)
    if wrong:
        sizes = "{layers} layers, {heads} heads, {side} x {side} patches".format(**header)
        name = wrong[0].partition("=")[0]
        raise unusable(name, query, f"set it on Attention and copy the step again. {run.title} has {sizes}")
    if right:
        return SideBySide(run, chosen, data, right)
    if state.view == FEATURES:
        return Features(run, chosen, data)
    if state.view == BLOCK:
        return Block(run, chosen, data, resnet(run, state, query) if state.both else None)
    if state.order != head_order.LAYERS and not header["behavior"]:
        raise unusable("order", query, "measure the heads on Attention first, or leave it out")
    return Explorer(run, chosen, data)


def resnet(run: Run, state: AttentionState, query: Query) -> Run:
    """Return the ResNet whose convolution is shown with the block of `run`."""
    others = convolution_outputs.suited(class_maps.comparable_runs(run))
    if not others:
        raise unusable("both", query, "there is no ResNet for the same kind of images")
    other = run_in(state.other, others)
    if wrong := convolution.unavailable(other, query, step=convolution.STEP_OF_TWO):
        name = wrong[0].partition("=")[0]
        raise unusable(name, query, "set it on Attention and copy the step again")
    return other


def _convolution(run: Run, chosen: SelectedImage, data: Dataset, query: Query) -> Convolution:
    if run.config.model not in convolution_outputs.MODELS:
        raise unusable("view", query, f"{run.title} is no ResNet: name another run")
    convolution.prepare(run, chosen, data, query)
    if wrong := convolution.unavailable(run, query):
        blocks = len(convolution_outputs.sizes_of(run)) - 1
        name = wrong[0].partition("=")[0]
        raise unusable(
            name, query, f"set it on Attention and copy the step again. {run.title} has {blocks} blocks"
        )
    return Convolution(run, chosen, data)


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
            setting = method.settings[wrong[0].partition("=")[0].removeprefix(SETTING)]
            raise unusable(wrong[0].partition("=")[0], query, f"use {', '.join(map(str, setting.options))}")
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
    signed, alone = scale.signed, len(questions) == 1 and not state.checked
    limits = None if alone and not signed else scale.limits  # alone: from its lowest to its highest value
    words = "" if state.target == PREDICTED else f" for {state.target}"
    words += f" minus {against}" if against else ""
    parts = [("The image", pictures.data_url(questions[0].image), chosen.name)]
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
    low, high = (scale.low, scale.high) if limits else ("lowest", "highest")
    return Pictures(parts, (low, pictures.overlay_bar(signed=signed), high))
