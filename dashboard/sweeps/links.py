"""Links between runs and their sweeps, and run lists without the runs of sweeps."""

from __future__ import annotations

import streamlit as st

from dashboard.page_table import PAGES
from dashboard.shared import bound
from dashboard.shared.page_state import PageState
from dashboard.states.compare import CompareState
from vitcore.runs.folder import Run
from vitcore.runs.status import ACTIVE


def without_sweeps(found: list[Run], page: type[PageState], field: str) -> list[Run]:
    """Return the runs for a list without those of sweeps, which Compare shows together.

    Keeps runs that wait or train, and runs that the field holds in the address or in this session.
    """
    named = bound.named(page, field)
    return [
        run
        for run in found
        if run.id in named or run.meta.sweep is None or run.stored_status().state in ACTIVE
    ]


def open_results(name: str) -> None:
    """Draw a button that opens the results of a sweep on Compare."""
    label = "Part of a sweep: show all its results"
    st.button(
        label,
        key="see_all",
        type="tertiary",
        icon=":material/arrow_forward:",
        on_click=st.session_state.update,
        args=({"pressed_sweep": name},),
    )
    # The press is kept until a run of the page gets here: a new state of a training can end the run before.
    if st.session_state.get("pressed_sweep") == name:
        del st.session_state.pressed_sweep
        # The address alone can be lost: a refresh of this page that is in progress restores the old one.
        st.session_state.open_sweep = name
        opened = CompareState.of(view="Sweeps", sweep=name)
        st.switch_page(PAGES["compare"].script, query_params=opened.parameters())


def link_of(run: Run) -> None:
    """Draw a button that opens the sweep of a run, if the run belongs to one."""
    if link := run.meta.sweep:
        open_results(link.name)
