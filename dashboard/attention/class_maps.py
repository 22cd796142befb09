"""Class maps of a ViT and a CNN, the logit lens, and Grad-CAM of a model without attention."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.components import figure_files
from dashboard.drawing import figures, pictures, theme
from dashboard.drawing.markdown import escape, sentence
from dashboard.shared import model_outputs, resources, selection
from dashboard.shared.selection import SelectedImage
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError
from vitcore.runs.folder import Run

NONE = "no other class"
HONEST = (
    "Attention shows where a head reads, not why the model answers: weights are not multiplied with what is "
    "read. Relevance and Grad-CAM follow the gradient of one class instead; they too are summaries, and "
    "different methods disagree."
)


def share_of_even(values: np.ndarray) -> np.ndarray:
    """Return maps in units of their own means, which makes a uniform map 1. [..., h, w] -> [..., h, w]"""
    mean = values.mean(axis=(-2, -1), keepdims=True)
    return np.divide(values, mean, out=np.zeros_like(values), where=mean > 0)


def compare_class_maps(
    vit: Run, snapshot: Path | None, image: np.ndarray, classes: tuple[str, ...], others: list[Run]
) -> None:
    """Show which regions support a class, in the ViT and in another run, in one color scale."""
    st.header("Which regions support a class?")
    first, second, third, fourth = st.columns([1.35, 1.2, 1.3, 0.9], vertical_alignment="bottom")
    vit_maps = model_outputs.class_maps(vit, image, snapshot)
    predicted = classes[int(vit_maps.probabilities.argmax())]
    if st.session_state.get("speaks") not in classes:
        st.session_state.pop("speaks", None)
    automatic = f"the answer ({predicted})"
    options = ["the answer", *classes]
    named = first.selectbox(
        "Class", options, key="speaks", bind="query-params",
        format_func=lambda o: automatic if o == "the answer" else o,
    )  # fmt: skip
    chosen = predicted if named == "the answer" else named
    against = second.selectbox(
        "Contrast with",
        [NONE, *classes],
        key="minus",
        bind="query-params",
        help="What supports one class and not the other.",
    )
    with third:
        other = selection.choose_run(others, "Compare with", key="beside") if others else None
    other_maps = model_outputs.class_maps(other, image) if other else None
    stages = len(other_maps.stages) if other_maps else 0
    stage = stages
    if stages > 1:
        stage = fourth.select_slider(
            "Its stage", list(range(1, stages + 1)), stages, key="stage", bind="query-params"
        )
    shown = [(vit, "relevance", vit_maps.stages[0])]
    if other and other_maps and stages:
        shown.append((other, f"Grad-CAM, stage {stage} of {stages}", other_maps.stages[stage - 1]))
    picked = [_for(maps, classes, chosen, against) for _, _, maps in shown]
    top = max(max(float(np.abs(values).max()) for values in picked), 1e-9)
    signed = against != NONE
    limits = (-top, top) if signed else (0.0, top)
    words = f"{chosen} minus {against}" if signed else chosen
    kept = []
    for place, (run, method, _), values in zip(st.columns(2), shown, picked, strict=False):
        with place:
            label = ARCHITECTURES[run.config.model].label
            title = f"{label}: {method}"
            made = pictures.overlay(image, values, limits=limits, signed=signed)
            alt = f"{label}, {method}, for {words}: {pictures.brightest(values)}"
            maps = other_maps if other_maps and run is not vit else vit_maps
            best = int(maps.probabilities.argmax())
            text = (
                f"For **{escape(words)}**; predicted: {escape(classes[best])}, "
                f"{100 * maps.probabilities[best]:.0f} %. "
                f"{values.shape[0]} x {values.shape[1]} places."
                + ("" if np.abs(values).max() > 0 else " No region supports it here.")
            )
            st.markdown(pictures.panel(title, made, alt, text))
            kept.append((title, made, f"for {words}"))
    rows = figure_files.map_rows({title: values for (title, _, _), values in zip(kept, picked, strict=True)})
    figure_files.pictures(kept, rows, key=f"what supports {words}")
    ends = f"-{top:.1f} to {top:.1f}" if signed else f"0 (dark) to {top:.1f} (bright)"
    st.caption(f"One color scale for both, {ends} times an even spread over the image. {HONEST}")


def _for(maps: np.ndarray, classes: tuple[str, ...], chosen: str, against: str) -> np.ndarray:
    found = share_of_even(maps[classes.index(chosen)])
    return found - share_of_even(maps[classes.index(against)]) if against != NONE else found


def show_logit_lens(view: model_outputs.AttentionView, classes: tuple[str, ...], truth: int | None) -> None:
    """Show the prediction that the model's head reads after each layer."""
    st.header("When does the prediction emerge?")
    figure = figures.logit_lens(view.lens, classes, truth)
    figure_files.show(figure, key="lens", alt="probabilities of classes after each layer")
    st.caption(
        "The model's own head applied to the token it reads, after every layer (logit lens, nostalgebraist "
        "2020). Early layers were never trained to be read this way; the last column is the answer."
    )


def show_grad_cam(run: Run, chosen: SelectedImage, classes: tuple[str, ...]) -> None:
    """Show a model without attention: Grad-CAM of every stage for any class, and the prediction."""
    notice, icon = st.empty(), ":material/visibility:"
    missing = f"{ARCHITECTURES[run.config.model].label} has no attention: no token asks another one."
    notice.info(missing, icon=icon)
    try:
        with st.spinner("Loading the model"):
            found = model_outputs.class_maps(run, chosen.image)
    except UserError as error:
        st.error(sentence(error))
        return
    instead = (
        "Instead, Grad-CAM shows which places of each stage's feature maps speak for a class."
        if found.stages
        else "It has no stages of feature maps for Grad-CAM either: here is its answer."
    )
    notice.info(f"{missing} {instead}", icon=icon)
    answer = classes[found.probabilities.argmax()]
    count = max(3, len(found.stages) + 1)
    pictured, last = st.columns([count, 1.4])
    places = pictured.columns(count)
    image = pictures.picture(chosen.image)
    places[0].markdown(pictures.panel("The image", image, chosen.name, escape(chosen.name)))
    with last:
        named = answer
        if found.stages:
            options = ["the answer", *classes]
            named = st.selectbox("For class", options, key="speaks", bind="query-params")
            named = answer if named == "the answer" else named
        st.markdown("**Prediction**")
        hue = theme.hue(run.config.model)
        figure_files.show(
            figures.probabilities(found.probabilities, classes, chosen.truth, hue),
            key="prediction",
            alt="probabilities of the likeliest classes",
        )
    kept, maps = [("The image", image, chosen.name)], {}
    for number, (place, stage) in enumerate(zip(places[1:], found.stages, strict=False), start=1):
        values = stage[classes.index(named)]
        title = f"Stage {number}" if len(found.stages) > 1 else "After the last block"
        made = pictures.overlay(chosen.image, values)
        alt = f"Grad-CAM of stage {number} for {named}: {pictures.brightest(values)}"
        side = values.shape[0]
        place.markdown(pictures.panel(title, made, alt, f"{side} x {side} places, for **{escape(named)}**"))
        kept.append((title, made, f"Grad-CAM for {named}"))
        maps[title] = values
    if maps:
        with pictured:
            figure_files.pictures(kept, figure_files.map_rows(maps), key=f"Grad-CAM for {named}")


def comparable_runs(vit: Run) -> list[Run]:
    """Return the runs that can be compared with a ViT: models without attention for the same image size and
    classes, ResNets first.
    """
    config = vit.config
    same = [
        run
        for run in resources.runs(trained=True)
        if not ARCHITECTURES[run.config.model].attention
        and (run.config.image_size, run.config.classes) == (config.image_size, config.classes)
    ]
    return sorted(same, key=lambda run: run.config.model != "resnet")
