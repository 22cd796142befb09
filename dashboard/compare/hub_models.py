"""The import of pretrained models: a list, any other name of the Hugging Face Hub, or a path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import streamlit as st

from dashboard.compare import import_progress
from dashboard.drawing.markdown import escape
from dashboard.shared import columns, jobs, messages
from vitcore.errors import UserError
from vitcore.exchange.recommended import RECOMMENDED, Recommended, is_repository
from vitcore.paths import allowed_hosts, below_data, data_dir, readonly

JOB = "hub"  # one download at a time, for all visitors
SHOWN = 6  # rows; the others scroll
COLUMNS = {
    "params, M": st.column_config.NumberColumn(format="%.1f"),
    "patch": st.column_config.NumberColumn(help="The side of a patch in pixels"),
    "input": st.column_config.NumberColumn(help="The side of an image in pixels"),
}


def control() -> None:
    """Draw the choice of a model and the button that imports it, or the progress of an import."""
    selected = st.dataframe(
        [row_of(model) for model in RECOMMENDED],
        key="hub_model",
        hide_index=True,
        width="stretch",
        height=38 + 35 * SHOWN,
        on_select="rerun",
        selection_mode="single-row-required",
        column_config=COLUMNS,
        placeholder=columns.MISSING,
        alt="Recommended models of the Hugging Face Hub",
    ).selection.rows
    recommended = RECOMMENDED[selected[0] if selected else 0]
    place = f"below {data_dir()}" if allowed_hosts() else f"absolute, or below {data_dir()}"
    other = st.text_input(
        "Or another name on the Hugging Face Hub, or the path of a folder or file",
        placeholder="facebook/dinov2-small",
        key="hub_name",
        help="A path names a folder with config.json and weights, or a file of weights (.safetensors, .pt, "
        f".pth, .ckpt or .bin) of any size, on the machine of the server: {place}.",
    ).strip()
    name = other or recommended.repository
    st.button(
        f"Import {escape(other) if other else f'{recommended.label}, {recommended.megabytes} MB'}",
        key="hub_import",
        width="stretch",
        disabled=readonly() or jobs.running(JOB),
        on_click=_start,
        args=(name,),
    )
    messages.show_error(JOB, name)
    import_progress.show(JOB, "Looking for the model", name)


def row_of(model: Recommended) -> dict[str, str | float | int | None]:
    """Return what a visitor chooses a model by, as a row of the table."""
    return {
        "model": model.label,
        "MB": model.megabytes,
        "params, M": model.parameters / 1e6,
        "patch": model.patch or None,  # a ResNet has none
        "input": model.pixels,
        "trained on": model.trained_on,
        "license": model.license,
        "repository": model.repository,
    }


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
