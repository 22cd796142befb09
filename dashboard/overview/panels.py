"""The panels of the Overview page: one image in both models, their accuracy, and how both were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from dashboard.components import figure_files
from dashboard.drawing import html, pictures, svg, theme
from dashboard.drawing.markdown import escape
from dashboard.drawing.prediction import prediction
from dashboard.overview import featured_image
from dashboard.overview.budgets import Budget
from dashboard.overview.featured_image import FeaturedImage
from dashboard.shared import resources
from dashboard.sweeps import sample_curves
from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.runs.folder import Run
from vitcore.sweeps.results import SamplePoint

Stored = Mapping[str, np.ndarray]  # a stored first look: see `resources.first_look`
Points = list[SamplePoint]  # see `sample_curves.bundled_points`
LEGEND = pictures.overlay_scale("lowest", "highest")
TINTED = (
    "**Magenta** marks the patches that attention leads back to (rollout), and what raises the score of the "
    "predicted class (Grad-CAM). Each map has its own scale."
)


@dataclass(frozen=True)
class Shown:
    """The pictures of `show_maps`, as (title, picture, text), and the maps [h, w] by architecture."""

    parts: list[tuple[str, Image.Image, str]]
    maps: dict[str, np.ndarray]


def show_maps(
    place: DeltaGenerator, pair: Sequence[tuple[Run, Stored]], shown: FeaturedImage, classes: Sequence[str]
) -> Shown:
    """Draw the image, and which regions of it support the prediction of each run."""
    panels = place.container(key="looks").columns(1 + len(pair))
    image = pictures.picture(shown.image)
    panels[0].markdown(pictures.panel("The image", image, shown.name, escape(shown.name)))
    drawn = Shown([("The image", image, shown.name)], {})
    for panel, (run, stored) in zip(panels[1:], pair, strict=True):
        model, title = ARCHITECTURES[run.config.model].label, featured_image.map_title(run)
        with panel, st.spinner(f"Running the {model}") if shown.place is None else nullcontext():
            values, probabilities = featured_image.reading(run, stored, shown)
        predicted = prediction(probabilities, classes)
        confidence = f"{predicted.confidence} confidence"
        if shown.truth is not None:
            truth = classes[shown.truth]
            confidence += " (correct)" if predicted.name == truth else f" (wrong: the true class is {truth})"
        overlay = pictures.overlay(shown.image, values)
        alt = f"{model}, which regions support its prediction {predicted.name}: {pictures.largest(values)}"
        words = f"predicts **{escape(predicted.name)}**, {escape(confidence)}  \n{LEGEND}"
        panel.markdown(pictures.panel(title, overlay, alt, words))
        drawn.parts.append((title, overlay, f"predicts {predicted.name}, {confidence}"))
        drawn.maps[model] = values
    place.caption(TINTED)
    return drawn


def show_accuracy(rows: Sequence[Budget], points: Points) -> None:
    """Draw test accuracies after several trainings, and `points` of trainings on fewer images if any."""
    dots = []
    for row in rows:
        first, second = (_dot(model, share) for model, share in row.accuracies.items())
        dots.append((row.title, first, second))
    with st.container(key="price"):
        st.html(html.accuracy_gaps(dots))
    if points:
        with st.container(key="curve"):
            st.html(svg.as_html(points))
    (count,) = {row.count for row in rows}
    both = "Top: 45,000 training images. Bottom: fewer images and shorter training."
    st.caption(f"Test accuracy, {numbers.sample(count)}. {both if points else '45,000 training images.'}")


def _dot(model: str, share: float) -> html.Dot:
    return html.Dot(ARCHITECTURES[model].label, share, theme.hue(model))


def explain(pair: Sequence[Run], rows: Sequence[Budget], points: Points) -> None:
    """Draw how the maps and the accuracies were measured."""
    vit, resnet = pair
    sizes = [numbers.millions(resources.parameters(run) or 0) for run in pair]
    curves = f" The curves: {sample_curves.about(points)}; **Inductive bias** shows them enlarged."
    trained = "\n".join(f"- {_trained(row)}" for row in rows if row.runs)
    st.markdown(
        "**The maps**: rollout from CLS, and Grad-CAM of the last stage for the predicted class. For the "
        f"first image of each class, `python -m vitcore probe first-look --runs {vit.id} --runs {resnet.id}` "
        "has stored both. For any other image, the models compute them.\n\n"
        f"**Test accuracy** after training on 45,000 images. The ViT has {sizes[0]} parameters, the ResNet "
        f"{sizes[1]}.\n\n- {rows[0].title}: the numbers of the UvA Deep Learning Tutorials 15 and 5.\n"
        f"{trained}\n\nThe recipes differ in more than their length: from row to row, the ViT gets more "
        f"augmentation.{curves if points else ''}"
    )


def _trained(row: Budget) -> str:
    """Return what was trained for how long."""
    times = [
        f"`{run.id}` for {numbers.duration(run.status().active_s)} ({run.status().machine})"
        for run in row.runs
    ]
    return f"{row.title}: {' and '.join(times)}."


def offer_files(shown: Shown, points: Points) -> None:
    """Offer the pictures and the curves as files."""
    st.markdown("**The image and both maps**")
    figure_files.pictures(
        shown.parts, figure_files.map_rows(shown.maps), key="first look", foot=pictures.OVERLAY_FOOT
    )
    if points:
        st.markdown("**The curves**")
        figure_files.drawing(svg.sample_efficiency(points), svg.rows(points), key="sample efficiency")
