"""The Overview page: one image in both models, their accuracy, and links to the other pages."""

import streamlit as st

from dashboard import tour
from dashboard.drawing.markdown import sentence
from dashboard.overview import budgets, featured_image, panels
from dashboard.page_table import PAGES
from dashboard.shared import header, resources
from dashboard.sweeps import sample_curves
from vitcore.errors import UserError

LINKS = {
    "patches": "How an image becomes a sequence of tokens, and what a patch size costs.",
    "attention": "Every head of every layer at once, for any patch of any image.",
    "inductive_bias": "Move, shuffle and hide an image, and see which predictions change.",
    "training": "Train a ViT or a ResNet in the background, watch it, compare runs.",
}

top = header.title("overview")
with top.row:
    st.markdown("[Read the guide](./guide)", width="content")
    tour.offer("overview")
rows = budgets.budgets(("vit", "resnet"))
with st.container(key="lead"):
    st.markdown(
        "A ViT learns from data what a ResNet assumes from the start: that neighboring pixels belong "
        f"together. This assumption, an inductive bias, is worth {rows[0].gap:.1f} points of accuracy with "
        f"the published recipe, and {rows[-1].gap:.1f} with the strongest one here."
    )
try:
    pair = featured_image.bundled_pair()
    stored = [featured_image.stored_maps(run) for run in pair]
except UserError as error:
    st.info(f"{sentence(error)} You can train your own models on **Training**.")
    st.stop()

data = resources.dataset()
points = sample_curves.bundled_points()
shown = featured_image.choose(data, stored[0]["index"])
maps_place, accuracy_place = st.columns([2, 1], gap="large")
drawn = panels.show_maps(maps_place, list(zip(pair, stored, strict=True)), shown, data.classes)
with accuracy_place:
    st.markdown("**What an inductive bias is worth**")
    panels.show_accuracy(rows, points)

for column, (name, text) in zip(st.columns(len(LINKS)), LINKS.items(), strict=True):
    with column.container(border=True, height="stretch", key=f"door_{name}"):
        st.page_link(
            PAGES[name].script,
            label=f"**{PAGES[name].label}**",
            icon=":material/arrow_forward:",
            icon_position="right",
        )
        st.caption(text)

with top.more.expander("How it was measured"):
    panels.explain(pair, rows, points)
with top.more.expander("Download"):  # keeps the page to one screen
    panels.offer_files(drawn, points)

featured_image.preload_torch()
