"""Which regions support a class, by any attribution method, for a ViT and a CNN; and the logit lens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from dashboard.attention import attributions, compared_maps, map_checks, method_controls, views
from dashboard.attention.attributions import Items, Question
from dashboard.attention.compared_maps import UNIT, ColorScale
from dashboard.components import figure_files
from dashboard.drawing import figures, pictures, theme
from dashboard.drawing.markdown import escape, sentence
from dashboard.drawing.prediction import prediction
from dashboard.shared import model_outputs, resources, run_selection
from dashboard.shared.selection import SelectedImage
from dashboard.states.attention import NO_CONTRAST, AttentionState
from vitcore.architectures import ARCHITECTURES
from vitcore.attribution import Method
from vitcore.errors import UserError
from vitcore.runs.classifier import no_classifier
from vitcore.runs.folder import Run

QUESTION = "Which regions support a class?"
CUT = "Pixels beyond its ends have its last color."
LIMITS_OF_MAPS = "Maps are only summaries, and different methods disagree."


def compare_class_maps(
    vit: Run,
    snapshot: Path | None,
    image: np.ndarray,
    classes: tuple[str, ...],
    others: list[Run],
    *,
    wide: bool = False,
) -> None:
    """Draw which regions support a class, for the ViT and another run, in one color scale.

    If the place is `wide`, the controls are to the left of the maps, otherwise above them.
    """
    if not vit.config.has_classifier:
        st.info(escape(no_classifier(vit.title, "no region supports a class")))
        return
    if wide:
        controls, shown = st.columns([1, 3.4], gap="large")
        first = second = third = controls.container(gap="small", key="map_controls")
    else:
        controls = st.container()
        first, second, third = controls.columns([1.35, 1.2, 1.3], vertical_alignment="bottom")
        shown = st.container()
    with shown, st.spinner("Loading the model"):
        probabilities = model_outputs.outputs(vit, image, snapshot).probabilities
    named = method_controls.choose_class(first, "Class", classes, prediction(probabilities, classes).name)
    against = second.selectbox(
        "Contrast with",
        [NO_CONTRAST, *classes],
        help="Subtracts the map of this class.",
        **AttentionState.bound("minus", value=None),
    )
    with third:
        other = run_selection.choose_run(others, AttentionState, "other", "Compare with") if others else None
    if other:
        with shown, st.spinner(f"Loading {escape(other.title)}"):
            model_outputs.outputs(other, image)
    contrast = against if against in classes else None
    asked = (classes.index(named), classes.index(contrast) if contrast else None)
    places = [third, third] if wide else controls.columns(2)
    questions = _questions(vit, snapshot, image, other, asked, places)
    checked = map_checks.choose(third, len(questions)) if wide else None
    with shown:
        maps = _computed(questions)
        scale = compared_maps.color_scale(questions, maps, named, contrast)
        words = f"{named} minus {contrast}" if contrast else named
        _draw_maps(questions, maps, classes, words, scale)
        if map_checks.choose(st.container(), len(questions)) if checked is None else checked:
            map_checks.draw(questions, classes, scale.limits, signed=scale.signed)


def _questions(
    vit: Run,
    snapshot: Path | None,
    image: np.ndarray,
    other: Run | None,
    asked: tuple[int, int | None],
    places: Sequence[DeltaGenerator],
) -> list[Question]:
    """Draw the choice of a method for the ViT and for the other run, and return what their maps are about."""
    remaining, drawn = iter(places), set[str]()

    def choose(run: Run, field: str, methods: Mapping[str, Method], stages: int) -> tuple[Method, Items]:
        label = f"Method for the {ARCHITECTURES[run.config.model].label}"
        return method_controls.choose_method(
            next(remaining), field, methods, label, stages=stages, drawn=drawn
        )

    questions = compared_maps.questions_of(vit, snapshot, image, other, asked, choose)
    method_controls.forget_others(drawn)
    return questions


def _computed(questions: list[Question]) -> list[np.ndarray]:
    """Return the map of each question, and show which one is being computed."""
    maps = []
    for question in questions:
        with st.spinner(f"Computing the map of {escape(question.title)}"):
            maps.append(attributions.values(question))
            attributions.remark(question)
    return maps


def _draw_maps(
    questions: list[Question],
    maps: list[np.ndarray],
    classes: tuple[str, ...],
    words: str,
    scale: ColorScale,
) -> None:
    """Draw the maps next to each other, and what to know about their methods and colors."""
    kept = []
    for place, question, values in zip(st.columns(2), questions, maps, strict=False):
        with place:
            kept.append(_draw_map(question, values, classes, words, scale))
    rows = figure_files.map_rows({title: values for (title, _, _), values in zip(kept, maps, strict=True)})
    figure_files.pictures(kept, rows, key=f"what supports {words}", foot=scale.foot)
    start = "The color scale, the same for both maps," if len(kept) > 1 else "The color scale"
    beyond = any(np.abs(values).max() > scale.limits[1] for values in maps)
    cut = f" {CUT}" if beyond else ""
    st.caption(f"{start} shows {UNIT}.{cut} {_limits_of(questions)}")


def _draw_map(
    question: Question, values: np.ndarray, classes: tuple[str, ...], words: str, scale: ColorScale
) -> tuple[str, Image.Image, str]:
    """Draw a map over its image, and return (title, picture, words) for the files."""
    made = pictures.overlay(question.image, values, limits=scale.limits, signed=scale.signed)
    legend = pictures.overlay_scale(escape(scale.low), escape(scale.high), signed=scale.signed)
    alt = f"{question.title}, for {words}: {pictures.largest(values)}"
    predicted, confidence = attributions.predicted(question, classes)
    support = "" if np.abs(values).max() > 0 else " No region supports it here."
    changes = f" {question.changes.capitalize()}." if question.changes else ""
    whole = "" if question.method.per_class else " The map is the same for every class."
    caption = (
        f"For **{escape(words)}**; predicted: {escape(predicted)}, {confidence}. "
        f"{values.shape[0]} x {values.shape[1]} positions.{changes}{support}{whole} "
        f"{attributions.remark(question)}  \n{legend}"
    )
    st.markdown(pictures.panel(escape(question.title), made, alt, caption))
    return question.title, made, f"for {words}"


def _limits_of(questions: list[Question]) -> str:
    """Say when each of the methods misleads."""
    methods = {question.method.name: question.method for question in questions}
    sentences = [f"**{method.title}**: {method.misleads}" for method in methods.values()]
    return " ".join([*sentences, LIMITS_OF_MAPS])


def show_logit_lens(run: Run, view: views.AttentionView, classes: tuple[str, ...], truth: int | None) -> None:
    """Draw what the model would predict if it ended after each layer."""
    st.header("When does the prediction emerge?")
    if not run.config.has_classifier:
        st.info(escape(no_classifier(run.title)))
        return
    figure = figures.logit_lens(view.lens, classes, truth)
    figure_files.show(figure, key="lens", alt="probabilities of classes after each layer")
    st.caption(
        "The model's own classification head applied after every layer (logit lens, nostalgebraist 2020). "
        "Early layers were not trained to be used this way. The last column is the prediction."
    )


def show_without_attention(run: Run, chosen: SelectedImage, classes: tuple[str, ...]) -> None:
    """Draw the class maps of a model without attention: Grad-CAM of every stage, or another method."""
    notice, icon = st.empty(), ":material/visibility:"
    missing = f"{ARCHITECTURES[run.config.model].label} has no attention: no token attends to another."
    notice.info(missing, icon=icon)
    try:
        with st.spinner("Loading the model"):
            found = model_outputs.outputs(run, chosen.image)
            methods = attributions.suited(run, chosen.image)
    except UserError as error:
        st.error(sentence(error))
        return
    notice.info(f"{missing} Instead, these maps show which regions support a class.", icon=icon)
    named = prediction(found.probabilities, classes).name
    count = max(3, found.stages + 1)
    pictured, last = st.columns([count, 1.4])
    with last:
        named = method_controls.choose_class(last, "For class", classes, named)
        drawn: set[str] = set()
        method, settings = method_controls.choose_method(
            last, "method", methods, "Method", stages=0, drawn=drawn
        )
        method_controls.forget_others(drawn)
        st.markdown("**Prediction**")
        hue = theme.hue(run.config.model)
        figure_files.show(
            figures.probabilities(found.probabilities, classes, chosen.truth, hue),
            key="prediction",
            alt="probabilities of the likeliest classes",
        )
    question = Question(run, chosen.image, classes.index(named), method=method, settings=settings)
    with pictured:
        scale = _draw_stages(question, chosen, named, count)
        st.caption(
            f"Each map has its own color scale, in {UNIT}. {CUT} **{method.title}**: "
            f"{method.misleads} {LIMITS_OF_MAPS}"
        )
        try:
            if map_checks.choose(st.container(), 1):
                map_checks.draw([question], classes, scale.limits, signed=scale.signed, columns=count)
        except UserError as error:
            st.error(sentence(error))


def _draw_stages(question: Question, chosen: SelectedImage, named: str, count: int) -> ColorScale:
    """Draw the image, and its map of every stage by Grad-CAM or its one map by another method.

    Each map has its own color scale, because the values of early stages vary far more. Return the scale of
    the map that the checks are about, which is also theirs.
    """
    places, method = st.columns(count), question.method
    image = pictures.picture(chosen.image)
    places[0].markdown(pictures.panel("The image", image, chosen.name, escape(chosen.name)))
    kept = [("The image", image, chosen.name)]
    (shown,) = _computed([question])
    stages = attributions.stage_maps(question) if method.name == "grad-cam" else []
    maps = {
        f"Stage {number}" if len(stages) > 1 else "After the last block": stage
        for number, stage in enumerate(stages, start=1)
    } or {method.title: shown}
    for place, (title, values) in zip(places[1:], maps.items(), strict=False):
        scale = compared_maps.color_scale([question], [values], named, None)
        legend = pictures.overlay_scale(escape(scale.low), escape(scale.high), signed=scale.signed)
        made = pictures.overlay(chosen.image, values, limits=scale.limits, signed=scale.signed)
        what = f"stage {title.split()[-1]}" if stages else ARCHITECTURES[question.run.config.model].label
        alt = f"{method.title} of {what} for {named}: {pictures.largest(values)}"
        words = f"{values.shape[0]} x {values.shape[1]} positions, for **{escape(named)}**"
        place.markdown(
            pictures.panel(title, made, alt, f"{words} {attributions.remark(question)}  \n{legend}")
        )
        kept.append((title, made, f"{method.title} for {named}, {scale.low} to {scale.high}"))
    rows = figure_files.map_rows(maps)
    foot = f"Each map has its own color scale, in {UNIT}."
    figure_files.pictures(kept, rows, key=f"{method.title} for {named}", foot=foot)
    return compared_maps.color_scale([question], [shown], named, None)


def comparable_runs(vit: Run) -> list[Run]:
    """Return runs of networks with stages on the same kind of images as a ViT's, ResNets first."""
    config = vit.config
    same = [
        run
        for run in resources.runs(trained=True)
        if not ARCHITECTURES[run.config.model].attention
        and (run.config.image_size, run.config.classes) == (config.image_size, config.classes)
    ]
    return sorted(same, key=lambda run: run.config.model != "resnet")
