"""The form of a fair pair on the Training page: a second model, a budget and the shared settings."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from dashboard.drawing.markdown import escape, sentence
from dashboard.shared import bound, popovers
from dashboard.states.training import TrainingState
from dashboard.training import announcements
from dashboard.training.form import Form
from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, bounds, choices
from vitcore.errors import UserError
from vitcore.paths import readonly
from vitcore.sweeps.pair import launch_pair, make_pair, policy

UNITS = ("epochs", "minutes")


def control(form: Form, dedupe_s: float) -> None:
    """Draw a popover that launches two trainings that differ only in the architecture, and then watches them.

    Launches of the same pair within `dedupe_s` seconds count once.
    """
    with popovers.popover("Fair pair", "pair", icon=":material/balance:", width="stretch"):
        st.markdown(
            f"Trains the **{ARCHITECTURES[form.model].label}** of the form above and another model on the "
            "same images in the same order."
        )
        try:
            base = form.config()
            other, changes = _fields(form, base)
            both = make_pair(base, other, **changes)
        except UserError as error:
            st.error(sentence(error))
            return
        st.caption(f"Both: {escape(policy(both[0]))}")
        # no callback, for the same reason as the launch button of the page
        if st.button("Launch fair pair", type="primary", key="launch_pair", disabled=readonly()):
            _launch(both, dedupe_s)


def _fields(form: Form, base: Config) -> tuple[str, dict[str, Any]]:
    """Draw the fields. Return the second model and the settings that differ from the form."""
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    others = [name for name in ARCHITECTURES if name != form.model]
    other = left.selectbox(
        "With", others, format_func=lambda name: ARCHITECTURES[name].label, key="pair_with"
    )
    # The budget starts from the form. The keys contain its values, so that a change there starts it again.
    unit = middle.selectbox(
        "Budget in", UNITS, int(bool(base.minutes)), key=f"pair_unit_{bool(base.minutes)}"
    )
    low, high = bounds(unit)
    start = base.epochs if unit == "epochs" else base.minutes or 5.0
    amount = right.number_input(
        unit.capitalize(), value=start, key=f"pair_{unit}_{start}", help=f"{low:g} to {high:,}"
    )
    augment = st.selectbox("Augmentation", ["as in the recipe", *choices("augment")], key="pair_augment")
    changes: dict[str, Any] = {unit: amount}
    if augment != "as in the recipe":
        changes["augment"] = augment
    return other, changes


def _launch(both: tuple[Config, Config], dedupe_s: float) -> None:
    began = time.time()
    try:
        runs = launch_pair(*both, dedupe_s=dedupe_s)
    except UserError as error:
        st.error(sentence(error))
        return
    bound.put(TrainingState, watch=runs[0].id)
    popovers.close("pair", announcements.of_launch(runs, began))
    st.rerun()
