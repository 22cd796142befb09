"""The form of a fair pair on the Training page: a second model, a budget and the shared settings."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.drawing.markdown import sentence
from dashboard.shared import bound
from dashboard.states.training import TrainingState
from dashboard.training.form import Form
from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, bounds, choices
from vitcore.errors import UserError
from vitcore.paths import readonly
from vitcore.sweeps.pair import launch_pair, make_pair, policy


def control(form: Form, dedupe_s: float) -> bool:
    """Draw a popover that launches two trainings that differ only in the architecture.

    Returns whether it just launched them. Launches of the same pair within `dedupe_s` seconds count once.
    """
    with st.popover("Fair pair", icon=":material/balance:", width="stretch"):
        st.markdown(
            f"Trains the **{ARCHITECTURES[form.model].label}** of the form above and another model on the "
            "same images in the same order."
        )
        left, middle, right = st.columns(3, vertical_alignment="bottom")
        others = [name for name in ARCHITECTURES if name != form.model]
        other = left.selectbox(
            "With", others, format_func=lambda name: ARCHITECTURES[name].label, key="pair_with"
        )
        unit = middle.selectbox("Budget in", ["epochs", "minutes"], key="pair_unit")
        low, high = bounds(unit)
        start = form.values["epochs"] if unit == "epochs" else 5.0
        amount = right.number_input(
            unit.capitalize(), value=start, key=f"pair_{unit}", help=f"{low:g} to {high:,}"
        )
        augment = st.selectbox("Augmentation", ["as in the recipe", *choices("augment")], key="pair_augment")
        changes: dict[str, Any] = {"epochs": amount} if unit == "epochs" else {"minutes": amount}
        if augment != "as in the recipe":
            changes["augment"] = augment
        try:
            both = make_pair(form.config(), other, **changes)
        except UserError as error:
            st.error(sentence(error))
            return False
        st.caption(f"Both: {policy(both[0])}")
        pressed = st.button("Launch fair pair", type="primary", key="launch_pair", disabled=readonly())
        return pressed and _launch(both, dedupe_s)


def _launch(both: tuple[Config, Config], dedupe_s: float) -> bool:
    try:
        runs = launch_pair(*both, dedupe_s=dedupe_s)
    except UserError as error:
        st.error(sentence(error))
        return False
    bound.put(TrainingState, watch=runs[0].id)
    return True
