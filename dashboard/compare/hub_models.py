"""The import of pretrained models: a list, any other name of the Hugging Face Hub, or a path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import streamlit as st

from dashboard.compare import import_progress
from dashboard.shared import jobs, messages
from vitcore.errors import UserError
from vitcore.exchange.recommended import RECOMMENDED, Recommended, is_repository
from vitcore.paths import allowed_hosts, below_data, data_dir, readonly

JOB = "hub"  # one download at a time, for all visitors
OTHER = "another model, or a path on this machine"


def control() -> None:
    """Draw the choice of a model and the button that imports it, or the progress of an import."""
    options = {model.repository: _line(model) for model in RECOMMENDED} | {OTHER: OTHER.capitalize()}
    chosen = st.selectbox("Pretrained model", list(options), format_func=options.__getitem__, key="hub_model")
    name = chosen
    if chosen == OTHER:
        place = f"below {data_dir()}" if allowed_hosts() else f"absolute, or below {data_dir()}"
        name = st.text_input(
            "Name on the Hugging Face Hub, or path of a folder or file",
            placeholder="facebook/dinov2-small",
            key="hub_name",
            help="A path names a folder with config.json and weights, or a file of weights (.safetensors, "
            f".pt, .pth, .ckpt or .bin) of any size, on the machine of the server: {place}.",
        ).strip()
    st.button(
        "Import this model",
        key="hub_import",
        width="stretch",
        disabled=readonly() or not name or jobs.running(JOB),
        on_click=_start,
        args=(name,),
    )
    messages.show_error(JOB, name)
    import_progress.show(JOB, "Looking for the model", name)


def _line(model: Recommended) -> str:
    """Return what a visitor chooses by, in one line."""
    return (
        f"{model.label}: {model.parameters / 1e6:.1f} M parameters, {model.pixels} px, {model.trained_on}, "
        f"{model.license}, {model.megabytes} MB"
    )


def _start(name: str) -> None:
    with messages.keep_error(JOB, name):
        import_progress.start(JOB, name, lambda: steps(name))


def steps(name: str) -> Iterator[jobs.Progress]:
    """Import a model in a child process, which ends if the iterator is closed early. Raise `UserError`."""
    yield from import_progress.steps_of(source_of(name))


def source_of(text: str) -> str:
    """Return the path on this machine or the name on the Hub that a visitor means. Raise `UserError`.

    The command would also read any address. As for datasets, visitors from other machines can name only
    what is below the data directory, and learn nothing about what else exists.
    """
    own, below = Path(os.path.expanduser(text)), below_data(text)
    here = own.is_absolute() and not allowed_hosts()
    for path in (below, own if here else None):
        if path and (os.path.isfile(path) or os.path.isdir(path)):
            return str(path)
    if is_repository(text) and not Path(text).exists():  # the command would prefer a path in its folder
        return text
    if own.is_absolute() and not here and not below:
        raise UserError(
            f"{text} is not below {data_dir()}: this server imports only from there, since other machines "
            "can reach it."
        )
    raise UserError(
        f"{text} is neither a folder or file on this machine, nor the name of a model on the Hugging Face "
        f"Hub: give an absolute path, one below {data_dir()}, or a name such as OWNER/MODEL."
    )
