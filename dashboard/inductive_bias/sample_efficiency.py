"""Sample efficiency on Inductive bias: a sweep of ordinary runs, not a measurement of one model."""

from __future__ import annotations

import streamlit as st

from dashboard.inductive_bias.state import BiasState
from dashboard.shared import bound
from dashboard.sweeps import results
from dashboard.sweeps.sample_curves import sweeps

TITLE = "Sample efficiency"
QUESTION = "How many images does each model need?"


def show() -> None:
    """Show a sweep over shares of the training images, a choice of sweeps, and a link to Training."""
    st.header(QUESTION)
    found = {sweep.name: sweep for sweep in sweeps()}
    if not found:
        st.info(
            "Not measured yet: launch a sweep over shares of the training images on Training, or with "
            "`python -m vitcore sweep samples`. Each of its runs is an ordinary training."
        )
    elif len(found) > 1:
        titles = {name: sweep.title for name, sweep in found.items()}
        name = bound.choose(st.selectbox, BiasState, "samples", "Sweep", titles, titles=True)
        results.show(found[name])
    else:
        results.show(next(iter(found.values())))
    st.page_link("../pages/training.py", label="Launch one on Training", icon=":material/arrow_forward:")
