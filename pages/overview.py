"""The Overview page: one image in both models, their accuracy, and links to the other pages."""

from contextlib import nullcontext

import streamlit as st

from dashboard.components import figure_files
from dashboard.drawing import html, pictures, svg, theme
from dashboard.drawing.markdown import escape
from dashboard.overview import featured_image
from dashboard.shared import header, resources
from dashboard.sweeps import sample_curves
from vitcore.architectures import ARCHITECTURES

METHODS = {"vit": "attention rollout", "resnet": "Grad-CAM"}

data = resources.dataset()
bundled = resources.bundled()
vit, resnet = bundled.get("vit"), bundled.get("resnet")
looks = {r.config.model: found for r in (vit, resnet) if r and (found := resources.first_look(r))}
points = sample_curves.bundled_points()

top = header.title("overview")
with st.container(key="lead"):
    st.markdown(
        "A ViT cuts an image into patches and learns everything else from data. A ResNet assumes from the "
        "start that neighboring pixels belong together. ViT Lab shows which regions a prediction depends on."
    )

if not (vit and resnet and len(looks) == 2):
    st.info(
        "The bundled models are missing: get a complete copy of the project, or train your own on "
        "**Training**."
    )
    st.stop()

shown = featured_image.choose(data, looks["vit"]["index"])
maps_place, accuracy_place = st.columns([2, 1], gap="large")
panels = maps_place.container(key="looks").columns(3)
image = pictures.picture(shown.image)
panels[0].markdown(pictures.panel("The image", image, shown.name, escape(shown.name)))
kept, maps = [("The image", image, shown.name)], {}
for panel, run in zip(panels[1:], (vit, resnet), strict=True):
    model = ARCHITECTURES[run.config.model].label
    with panel, st.spinner(f"Running the {model}") if shown.place is None else nullcontext():
        where, probabilities = featured_image.reading(run, looks[run.config.model], shown)
    predicted, made = data.classes[int(probabilities.argmax())], pictures.overlay(shown.image, where)
    confidence = f"{100 * probabilities.max():.0f} % confidence"
    if shown.truth is not None:
        truth = data.classes[shown.truth]
        confidence += " (correct)" if predicted == truth else f" (wrong: the true class is {truth})"
    title = f"{model}: {METHODS[run.config.model]}"
    alt = f"{model}, which regions support its prediction {predicted}: {pictures.brightest(where)}"
    panel.markdown(pictures.panel(title, made, alt, f"predicts **{predicted}**, {confidence}"))
    kept.append((title, made, f"predicts {predicted}, {confidence}"))
    maps[model] = where

with accuracy_place:
    st.markdown("**The price of learning everything**")
    pair = (vit, resnet)
    bars = html.accuracy_bars(
        [ARCHITECTURES[run.config.model].label for run in pair],
        [run.status().result["test_acc"] for run in pair],
        [theme.hue(run.config.model) for run in pair],
        chance=1 / len(data.classes),
        foot=not points,  # the curves label chance
    )
    with st.container(key="price"):
        st.html(bars)
    if points:
        with st.container(key="curve"):
            st.html(svg.as_html(points))
    (count,) = {run.status().result["n_test"] for run in pair}
    st.caption(
        f"Test accuracy, n = {count:,}. "
        + (
            "Bars: 45,000 training images. Lines: fewer images and shorter training."
            if points
            else "45,000 training images."
        )
    )

link_columns = st.columns(4)
texts = {
    "patches": ("Patches", "How an image becomes a sequence of tokens, and what a patch size costs."),
    "attention": ("Attention", "Every head of every layer at once, for any patch of any image."),
    "inductive_bias": (
        "Inductive bias",
        "Move, shuffle and hide an image, and see which predictions change.",
    ),
    "training": ("Training", "Train a ViT or a ResNet in the background, watch it, compare runs."),
}
for column, (name, (title, text)) in zip(link_columns, texts.items(), strict=True):
    with column.container(border=True, height="stretch", key=f"door_{name}"):
        st.page_link(
            f"../pages/{name}.py",
            label=f"**{title}**",
            icon=":material/arrow_forward:",
            icon_position="right",
        )
        st.caption(text)

sizes = [(resources.parameters(run) or 0) / 1e6 for run in pair]
minutes = [run.status().active_s / 60 for run in pair]
with top.more.expander("How it was measured"):
    st.markdown(
        "**The maps**: rollout from CLS, and Grad-CAM of the last stage for the predicted class. For the "
        "first image of each class, `python -m vitcore probe first-look --runs vit-cifar10 --runs "
        "resnet-cifar10` has stored both. For any other image, the models compute them.\n\n"
        f"**Test accuracy** of the bundled models after training on 45,000 images on two CPU cores: the ViT "
        f"with {sizes[0]:.1f} million parameters for {minutes[0]:.0f} minutes, the ResNet with "
        f"{sizes[1]:.2f} million for {minutes[1]:.0f} minutes."
        + (
            f" The curves: {sample_curves.about(points)}; **Inductive bias** shows them enlarged."
            if points
            else ""
        )
    )

with top.more.expander("Download"):  # keeps the page to one screen
    st.markdown("**The image and both maps**")
    figure_files.pictures(kept, figure_files.map_rows(maps), key="first look")
    if points:
        st.markdown("**The curves**")
        figure_files.drawing(svg.sample_efficiency(points), svg.rows(points), key="sample efficiency")

featured_image.preload_torch()
