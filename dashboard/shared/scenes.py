"""Scenes: what a link shows at large, without its page; and how a link names runs and images.

A page makes its scene in `dashboard/<page>/scene.py`. Talks and standalone files draw it. Nothing here draws,
and nothing here knows a page.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import plotly.graph_objects as go

from dashboard.components.replay import Frames
from dashboard.shared import model_outputs, resources, selection
from dashboard.shared.page_state import ImageState, PageState
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.runs.folder import Run

Query = Mapping[str, str]  # the parameters of a page's address
S = TypeVar("S", bound=PageState)


@dataclass(frozen=True)
class Explorer:
    """The attention explorer on an image."""

    run: Run
    chosen: selection.SelectedImage
    data: Dataset


@dataclass(frozen=True)
class Stepper:
    """From image to tokens: the arguments of `dashboard.components.stepper`."""

    arguments: dict[str, Any]


@dataclass(frozen=True)
class Similarity:
    """Cosine similarity of position embeddings, [N, N]."""

    values: np.ndarray


@dataclass(frozen=True)
class Replay:
    """One image changed in many ways, and what two models predict."""

    kind: str
    runs: list[Run]
    image: np.ndarray
    frames: Frames
    look: dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """Plotly figures from top to bottom, each with its alternative text."""

    parts: list[tuple[go.Figure, str]]


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side: (heading, PNG as a data address, words below)."""

    parts: list[tuple[str, str, str]]


Scene = Explorer | Stepper | Similarity | Replay | Figures | Pictures


def as_html(shown: Pictures) -> str:
    """Pictures in a row; talk.css lays them out."""
    cells = "".join(
        f'<figure><figcaption>{html.escape(head)}</figcaption><img src="{url}" alt="{html.escape(words)}">'
        f"<p>{html.escape(words).replace(' %', '&nbsp;%')}</p></figure>"
        for head, url, words in shown.parts
    )
    return f'<div class="talk-pictures">{cells}</div>'


def read_state(kind: type[S], query: Query, *strict: str) -> S:
    """The state that a link gives a page. Values that it cannot use have their defaults.

    Raises `UserError` for such a value of one of the `strict` fields, which are choices.
    """
    state, refused = kind.read(query)
    for name in strict:
        parameter = kind.model_fields[name].alias or name
        if any(text.startswith(f"{parameter}=") for text in refused):
            fits = ", ".join(f"{parameter}={option}" for option in kind.options(name))
            raise unusable(parameter, query, f"use {fits}")
    return state


def run_in(wanted: str | None, found: Sequence[Run], first: Run | None = None) -> Run:
    """The run that a link names; else `first`, or the first of `found`. Raises `UserError`."""
    run = next((run for run in found if run.id == wanted), None)
    if wanted and run is None:
        if any(one.id == wanted for one in resources.runs()):
            raise UserError(f"The link names the run {wanted}, which this view can't show: name another.")
        raise UserError(
            f"The link names the run {wanted[:80]}, which is not on this machine: `python -m vitcore runs` "
            "lists the runs that are, `import` adds one."
        )
    if run is None and not found:
        raise UserError("There is no trained model yet: train one, or import one.")
    return run or first or found[0]


def image_in(state: ImageState, data: Dataset, run: Run | None = None) -> selection.SelectedImage:
    """The image that a link names, else the page's first. With `run`, rankings by its predictions can be
    named, too. Raises `UserError`.
    """
    kind = state.kind or ("cat" if "cat" in data.classes else data.classes[0])
    predictions = (lambda: model_outputs.predictions(run, data)) if run else None
    chosen = selection.find_image(data, kind, state.image, predictions)
    if chosen is None:
        raise UserError(f"The link names {kind[:40]}, test image {state.image}: {data.name} has none.")
    return chosen


def unusable(parameter: str, query: Query, instead: str) -> UserError:
    """Return the error for an unusable value in a link. `instead` says what to do."""
    text = f"{parameter}={query[parameter]}"
    return UserError(f"The link says {text[:80]}, which can't be shown: {instead}.")


def missing_sweep(name: str) -> UserError:
    """Return the error for a sweep that is not on this machine."""
    return UserError(
        f"The link names the sweep {name[:80]!r}, which is not on this machine: `python -m vitcore sweep "
        "list` lists the sweeps that are."
    )
