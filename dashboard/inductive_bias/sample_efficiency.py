"""Sample efficiency on the page Inductive bias: a sweep of ordinary runs, not a measurement of one model."""

from __future__ import annotations

import streamlit as st

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
            "Nothing is measured yet: launch a sweep over shares of the training images on Training, or by "
            "`python -m vitcore sweep samples`. Each of its runs is an ordinary training."
        )
    elif len(found) > 1:
        name = st.selectbox(
            "Sweep", list(found), format_func=lambda n: found[n].title, key="samples", bind="query-params"
        )
        results.show(found[name])
    else:
        results.show(next(iter(found.values())))
    st.page_link("../pages/training.py", label="Launch one on Training", icon=":material/arrow_forward:")
