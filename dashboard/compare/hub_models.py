"""The import of pretrained models of the Hugging Face Hub: a list, any other name, progress and cancel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import streamlit as st

from dashboard.compare import import_progress
from dashboard.shared import jobs
from vitcore.errors import UserError
from vitcore.exchange.recommended import RECOMMENDED, Recommended, is_repository
from vitcore.paths import readonly

JOB = "hub"  # one download at a time, for all visitors
OTHER = "another model"


def control() -> None:
    """Draw the choice of a model and the button that imports it, or the progress of an import."""
    options = {model.repository: _line(model) for model in RECOMMENDED} | {OTHER: OTHER.capitalize()}
    chosen = st.selectbox("Pretrained model", list(options), format_func=options.__getitem__, key="hub_model")
    name = chosen
    if chosen == OTHER:
        name = st.text_input(
            "Name on the Hugging Face Hub", placeholder="facebook/dinov2-small", key="hub_name"
        ).strip()
    st.button(
        "Import this model",
        key="hub_import",
        width="stretch",
        disabled=readonly() or not name or jobs.running(JOB),
        on_click=_start,
        args=(name,),
    )
    import_progress.show(JOB, "Connecting to the Hugging Face Hub")


def _line(model: Recommended) -> str:
    """Return what a visitor chooses by, in one line."""
    return (
        f"{model.label}: {model.parameters / 1e6:.1f} M parameters, {model.pixels} px, {model.trained_on}, "
        f"{model.license}, {model.megabytes} MB"
    )


def _start(name: str) -> None:
    jobs.start(JOB, lambda: steps(name), computes=False)


def steps(name: str) -> Iterator[jobs.Progress]:
    """Import a model in a child process, which ends if the iterator is closed early. Raise `UserError`.

    A visitor may name a repository only: the command would also read files of the server and any address.
    """
    if not is_repository(name) or Path(name).exists():
        raise UserError(f"{name} is not the name of a model on the Hugging Face Hub, such as OWNER/MODEL.")
    yield from import_progress.steps_of(name)
