"""Scenes: what a link shows at large, without its page; and how a link names runs and images.

A page makes its scene in `dashboard/<page>/scene.py`; `dashboard.talk.stage` and files without a server draw
it. Nothing here draws or knows a page.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.components.replay import Frames
from dashboard.shared import model_outputs, resources, selection
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.runs.folder import Run

State = Mapping[str, str]  # the query of a page's address


@dataclass(frozen=True)
class Explorer:
    """The attention explorer on an image."""

    run: Run
    chosen: selection.Chosen
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


def run_in(state: State, key: str, found: Sequence[Run], first: Run | None = None) -> Run:
    """The run that the link names under `key`; else `first`, or the first of `found`. Raises `UserError`."""
    wanted = state.get(key)
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


def image_in(state: State, data: Dataset, run: Run | None = None) -> selection.Chosen:
    """The image that the link names, else the page's first. With `run`, rankings by its predictions can be
    named, too. Raises `UserError`.
    """
    kind = state.get("class") or ("cat" if "cat" in data.classes else data.classes[0])
    number = selection.whole(state.get("image", ""), 1)
    predictions = (lambda: model_outputs.answers(run, data)) if run else None
    chosen = selection.pick(data, kind, number, predictions)
    if chosen is None:
        raise UserError(f"The link names {kind[:40]}, test image {number}: {data.name} has none.")
    return chosen


def check_choices(state: State, **choices: Sequence[str]) -> None:
    """Raise `UserError` for a value that the page would ignore. An empty value is the default."""
    for name, options in choices.items():
        if state.get(name) and state[name] not in options:
            raise unusable(name, state, f"use {', '.join(f'{name}={one}' for one in options)}")


def unusable(name: str, state: State, instead: str) -> UserError:
    """The error for an invalid value in a link; `instead` says what to do."""
    return UserError(f"The link says {f'{name}={state[name]}'[:80]}, which can't be shown: {instead}.")


def missing_sweep(name: str) -> UserError:
    """The error for a sweep that is not on this machine."""
    return UserError(
        f"The link names the sweep {name[:80]!r}, which is not on this machine: `python -m vitcore sweep "
        "list` lists the sweeps that are."
    )
