"""Below the explorer: which regions support a class, for a ViT and a CNN, and the logit lens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.attention import views
from dashboard.components import figure_files
from dashboard.drawing import figures, pictures, theme
from dashboard.drawing.markdown import escape, sentence
from dashboard.drawing.prediction import prediction
from dashboard.shared import bound, model_outputs, resources, selection
from dashboard.shared.selection import SelectedImage
from dashboard.states.attention import NO_CONTRAST, PREDICTED, AttentionState
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError
from vitcore.runs.folder import Run

QUESTION = "Which regions support a class?"
LIMITS_OF_MAPS = (
    "Attention shows where a head looks, not why the model predicts a class, because it ignores the values. "
    "Relevance and Grad-CAM follow the gradient of one class. They are also only summaries, and different "
    "methods disagree."
)


def share_of_even(values: np.ndarray) -> np.ndarray:
    """Return maps in units of their mean, so that evenly spread evidence is 1. [..., h, w] -> [..., h, w]"""
    mean = values.mean(axis=(-2, -1), keepdims=True)
    return np.divide(values, mean, out=np.zeros_like(values), where=mean > 0)


def compare_class_maps(
    vit: Run, snapshot: Path | None, image: np.ndarray, classes: tuple[str, ...], others: list[Run]
) -> None:
    """Draw which regions support a class, for the ViT and another run, in one color scale."""
    st.header(QUESTION)
    first, second, third, fourth = st.columns([1.35, 1.2, 1.3, 0.9], vertical_alignment="bottom")
    vit_maps = model_outputs.class_maps(vit, image, snapshot)
    chosen = _choose_class(first, "Class", classes, prediction(vit_maps.probabilities, classes).name)
    against = second.selectbox(
        "Contrast with", [NO_CONTRAST, *classes], help="Subtracts the map of this class.",
        **AttentionState.bound("minus", value=None),
    )  # fmt: skip
    with third:
        other = selection.choose_run(others, AttentionState, "other", "Compare with") if others else None
    theirs = model_outputs.class_maps(other, image) if other else None
    stages = len(theirs.stages) if theirs else 0
    stage = stages
    if stages > 1:
        stage = fourth.select_slider(
            "Stage", list(range(1, stages + 1)), stages, **AttentionState.bound("stage", value=None)
        )
    shown = [(vit, "relevance", vit_maps.stages[0])]
    if other and theirs and stages:
        shown.append((other, f"Grad-CAM, stage {stage} of {stages}", theirs.stages[stage - 1]))
    picked = [_class_map(maps, classes, chosen, against) for _, _, maps in shown]
    top = max(max(float(np.abs(values).max()) for values in picked), 1e-9)
    signed = against != NO_CONTRAST
    limits = (-top, top) if signed else (0.0, top)
    words = f"{chosen} minus {against}" if signed else chosen
    ends = (f"-{top:.1f} ({against})", f"{top:.1f} ({chosen})") if signed else ("0", f"{top:.1f}")
    legend = pictures.overlay_scale(escape(ends[0]), escape(ends[1]), signed=signed)
    kept = []
    for place, (run, method, _), values in zip(st.columns(2), shown, picked, strict=False):
        with place:
            label = ARCHITECTURES[run.config.model].label
            title = f"{label}: {method}"
            made = pictures.overlay(image, values, limits=limits, signed=signed)
            alt = f"{label}, {method}, for {words}: {pictures.brightest(values)}"
            maps = theirs if theirs and run is not vit else vit_maps
            predicted = prediction(maps.probabilities, classes)
            caption = (
                f"For **{escape(words)}**; predicted: {escape(predicted.name)}, {predicted.confidence}. "
                f"{values.shape[0]} x {values.shape[1]} positions."
                + ("" if np.abs(values).max() > 0 else " No region supports it here.")
                + f"  \n{legend}"
            )
            st.markdown(pictures.panel(title, made, alt, caption))
            kept.append((title, made, f"for {words}"))
    rows = figure_files.map_rows({title: values for (title, _, _), values in zip(kept, picked, strict=True)})
    unit = "multiples of an even spread over the image"
    foot = f"Color scale, in {unit}: {ends[0]} to {ends[1]}, dark at 0."
    figure_files.pictures(kept, rows, key=f"what supports {words}", foot=foot)
    scale = "The color scale, the same for both maps," if len(kept) > 1 else "The color scale"
    st.caption(f"{scale} shows {unit}. {LIMITS_OF_MAPS}")


def _choose_class(place: DeltaGenerator, label: str, classes: tuple[str, ...], predicted: str) -> str:
    """Draw the choice of the class that the maps are for, and return it. It can be `predicted`."""
    key = AttentionState.parameter("target")
    if st.session_state.get(key) not in classes:
        bound.forget(AttentionState, "target")  # the predicted class, or a class of other data
    named = place.selectbox(
        label, [PREDICTED, *classes], **AttentionState.bound("target", value=None),
        format_func=lambda option: f"predicted: {predicted}" if option == PREDICTED else option,
    )  # fmt: skip
    return predicted if named == PREDICTED else named


def _class_map(maps: np.ndarray, classes: tuple[str, ...], chosen: str, against: str) -> np.ndarray:
    """Return the map [h, w] of a class, minus that of a second class unless this is `NO_CONTRAST`."""
    values = share_of_even(maps[classes.index(chosen)])
    return values - share_of_even(maps[classes.index(against)]) if against != NO_CONTRAST else values


def show_logit_lens(view: views.AttentionView, classes: tuple[str, ...], truth: int | None) -> None:
    """Draw what the model would predict if it ended after each layer."""
    st.header("When does the prediction emerge?")
    figure = figures.logit_lens(view.lens, classes, truth)
    figure_files.show(figure, key="lens", alt="probabilities of classes after each layer")
    st.caption(
        "The model's own classification head applied after every layer (logit lens, nostalgebraist 2020). "
        "Early layers were not trained to be used this way. The last column is the prediction."
    )


def show_grad_cam(run: Run, chosen: SelectedImage, classes: tuple[str, ...]) -> None:
    """Draw Grad-CAM of every stage of a model without attention, for any class."""
    notice, icon = st.empty(), ":material/visibility:"
    missing = f"{ARCHITECTURES[run.config.model].label} has no attention: no token attends to another."
    notice.info(missing, icon=icon)
    try:
        with st.spinner("Loading the model"):
            found = model_outputs.class_maps(run, chosen.image)
    except UserError as error:
        st.error(sentence(error))
        return
    replacement = (
        "Instead, Grad-CAM shows which regions of each stage's feature maps support a class."
        if found.stages
        else "It has no stages of feature maps for Grad-CAM either. Only its prediction is shown."
    )
    notice.info(f"{missing} {replacement}", icon=icon)
    named = prediction(found.probabilities, classes).name
    count = max(3, len(found.stages) + 1)
    pictured, last = st.columns([count, 1.4])
    places = pictured.columns(count)
    image = pictures.picture(chosen.image)
    places[0].markdown(pictures.panel("The image", image, chosen.name, escape(chosen.name)))
    with last:
        if found.stages:
            named = _choose_class(last, "For class", classes, named)
        st.markdown("**Prediction**")
        hue = theme.hue(run.config.model)
        figure_files.show(
            figures.probabilities(found.probabilities, classes, chosen.truth, hue),
            key="prediction",
            alt="probabilities of the likeliest classes",
        )
    kept, maps = [("The image", image, chosen.name)], {}
    legend = pictures.overlay_scale("lowest", "highest")
    for number, (place, stage) in enumerate(zip(places[1:], found.stages, strict=False), start=1):
        values = stage[classes.index(named)]
        title = f"Stage {number}" if len(found.stages) > 1 else "After the last block"
        made = pictures.overlay(chosen.image, values)
        alt = f"Grad-CAM of stage {number} for {named}: {pictures.brightest(values)}"
        side = values.shape[0]
        place.markdown(
            pictures.panel(
                title, made, alt, f"{side} x {side} positions, for **{escape(named)}**  \n{legend}"
            )
        )
        kept.append((title, made, f"Grad-CAM for {named}"))
        maps[title] = values
    if maps:
        with pictured:
            figure_files.pictures(
                kept, figure_files.map_rows(maps), key=f"Grad-CAM for {named}", foot=pictures.OVERLAY_FOOT
            )


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
