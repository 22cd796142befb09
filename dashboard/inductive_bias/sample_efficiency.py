"""Sample efficiency on Inductive bias, from a sweep of ordinary runs instead of a probe of one model."""

from __future__ import annotations

import streamlit as st

from dashboard.page_table import PAGES
from dashboard.shared import bound
from dashboard.states.inductive_bias import BiasState
from dashboard.sweeps import results
from dashboard.sweeps.sample_curves import sweeps

NAME = "sample-efficiency"
TITLE = "Sample efficiency"
QUESTION = "How many images does each model need?"


def show() -> None:
    """Show a sweep over shares of the training images, a selector of sweeps, and a link to Training."""
    st.header(QUESTION)
    by_name = {sweep.name: sweep for sweep in sweeps()}
    if not by_name:
        st.info(
            "Nothing is measured yet: launch a sweep over shares of the training images on Training, or with "
            "`python -m vitcore sweep samples`. Each of its runs is an ordinary training."
        )
    elif len(by_name) > 1:
        titles = {name: sweep.title for name, sweep in by_name.items()}
        name = bound.choose(st.selectbox, BiasState, "samples", "Sweep", titles, titles=True)
        results.show(by_name[name])
    else:
        results.show(next(iter(by_name.values())))
    st.page_link(
        PAGES["training"].script, label="Launch a sweep on Training", icon=":material/arrow_forward:"
    )
