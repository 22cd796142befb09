"""Links between runs and their sweeps, and run lists without the runs of sweeps."""

from __future__ import annotations

import streamlit as st

from vitcore.config import Config
from vitcore.runs.folder import Run
from vitcore.runs.status import ACTIVE


def without_sweeps(found: list[Run], *keys: str) -> list[Run]:
    """The runs for a list: those of sweeps only while they wait or train, or where the address or this
    session names them under one of the keys. Compare shows a sweep's runs together.
    """
    named = {part for key in keys for part in st.query_params.get(key, "").split(",")}
    for chosen in (st.session_state.get(key) or () for key in keys):
        named |= {chosen} if isinstance(chosen, str) else set(chosen)
    return [
        run for run in found
        if run.id in named or run.meta.sweep is None or run.stored_status().state in ACTIVE
    ]  # fmt: skip


def epochs_of(config: Config) -> str:
    """`10 epochs`"""
    return f"{config.epochs} epoch{'s' if config.epochs > 1 else ''}"


def open_results(name: str, count: int | None = None) -> None:
    """A button that opens the results of a sweep on Compare."""
    label = f"{count} runs are queued: see the results fill" if count else "Part of a sweep: see all of it"
    if st.button(label, key=f"see_{count or 'all'}", type="tertiary", icon=":material/arrow_forward:"):
        # An address alone can be lost: this page ticks, and a tick under way brings its own address along.
        st.session_state.open_sweep = name
        st.switch_page("../pages/compare.py", query_params={"view": "Sweeps", "sweep": name})


def link_of(run: Run) -> None:
    """Where a run belongs to a sweep: the way there."""
    if tie := run.meta.sweep:
        open_results(tie.name)
