"""What there is to see of a model without attention: Grad-CAM of every stage."""

from __future__ import annotations

import streamlit as st

from dashboard import figures, pictures, resources, theme
from dashboard.selection import Chosen
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError
from vitcore.runs.folder import Run


def show(run: Run, chosen: Chosen, classes: tuple[str, ...]) -> None:
    """The image, the maps of the stages, the prediction, and a sentence about what is missing."""
    notice, icon = st.empty(), ":material/visibility:"
    missing = f"{ARCHITECTURES[run.config.model].label} has no attention: no token asks another one."
    notice.info(missing, icon=icon)
    try:
        with st.spinner("Loading the model"):
            found = resources.cams(run, chosen.image)
    except UserError as error:
        st.error(str(error))
        return
    instead = (
        "Instead, Grad-CAM shows which places of each stage's feature maps speak for its answer."
        if found.maps
        else "It has no stages of feature maps for Grad-CAM either: here is its answer."
    )
    notice.info(f"{missing} {instead}", icon=icon)
    answer = classes[found.probabilities.argmax()]
    *places, last = st.columns([*[1] * max(3, len(found.maps) + 1), 1.4])
    with places[0]:
        st.markdown("**The image**")
        st.image(pictures.picture(chosen.image), width="stretch", output_format="PNG", alt=chosen.name)
        st.caption(chosen.name)
    for number, (place, values) in enumerate(zip(places[1:], found.maps, strict=False), start=1):
        with place:
            st.markdown(f"**Stage {number}**" if len(found.maps) > 1 else "**After the last block**")
            alt = f"Grad-CAM of stage {number} for {answer}"
            st.image(pictures.overlay(chosen.image, values), width="stretch", output_format="PNG", alt=alt)
            side = values.shape[0]
            st.caption(f"{side} x {side} places, for **{answer}**")
    figure = figures.probabilities(found.probabilities, classes, chosen.truth, theme.hue(run.config.model))
    with last:
        st.markdown("**Prediction**")
        st.plotly_chart(
            figure, config=figures.PLAIN, key="prediction", alt="probabilities of the likeliest classes"
        )
