"""Scenes: what a link shows in a talk or in a standalone file, without the controls of its page.

A page makes its scenes in `dashboard/<page>/scene.py` with the functions below, which find the run, the image
and the settings that a link names. `dashboard.talk` and `dashboard.standalone` draw scenes.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import plotly.graph_objects as go

from dashboard.shared import model_outputs, page_runs, selection
from dashboard.shared.page_state import ImageState, PageState
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.probes.live import Frames
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
class SideBySide:
    """Two attention explorers and their difference. The run and the image of the right one are `right`."""

    run: Run
    chosen: selection.SelectedImage
    data: Dataset
    right: tuple[Run, selection.SelectedImage]


@dataclass(frozen=True)
class Features:
    """The features of the tokens of an image."""

    run: Run
    chosen: selection.SelectedImage
    data: Dataset


@dataclass(frozen=True)
class Block:
    """The steps through one block of a ViT on an image, and through a convolution of the ResNet `other`."""

    run: Run
    chosen: selection.SelectedImage
    data: Dataset
    other: Run | None = None


@dataclass(frozen=True)
class Convolution:
    """The steps through one convolution of a ResNet on an image."""

    run: Run
    chosen: selection.SelectedImage
    data: Dataset


@dataclass(frozen=True)
class Stepper:
    """The steps from image to tokens, as the arguments of `dashboard.components.stepper`."""

    arguments: dict[str, Any]


@dataclass(frozen=True)
class Similarity:
    """The cosine similarity of position embeddings, [N, N]."""

    values: np.ndarray


@dataclass(frozen=True)
class Replay:
    """Variants of one image uint8 [3, S, S], with what two models predict for each.

    `kind` is the name of the experiment, and `look` is what the component shows first.
    """

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
    """Pictures side by side: (heading, PNG as a data URL, caption).

    `legend` is their color scale: the label of the low end, its bar as a data URL, the label of the high end.
    """

    parts: list[tuple[str, str, str]]
    legend: tuple[str, str, str] | None = None


Scene = (
    Explorer
    | SideBySide
    | Features
    | Block
    | Convolution
    | Stepper
    | Similarity
    | Replay
    | Figures
    | Pictures
)


def as_html(pictures: Pictures) -> str:
    """Return the pictures in a row as HTML. talk.css defines the layout."""
    cells = "".join(
        f"<figure><figcaption>{html.escape(heading)}</figcaption>"
        f'<img src="{url}" alt="{html.escape(caption)}">'
        f"<p>{html.escape(caption).replace(' %', '&nbsp;%')}</p></figure>"
        for heading, url, caption in pictures.parts
    )
    legend = ""
    if pictures.legend:
        low, bar, high = pictures.legend
        ends = html.escape(low), html.escape(high)
        legend = f'<p class="talk-legend">{ends[0]} <img src="{bar}" alt="Color scale"> {ends[1]}</p>'
    return f'<div class="talk-pictures">{cells}</div>{legend}'


def with_one_font_size(figure: go.Figure, height: int | None) -> go.Figure:
    """Return a copy of a figure whose axes, legend and hover labels have the figure's own font size.

    Streamlit's theme makes them smaller where a figure sets no size. `height` is in pixels, None for any.
    """
    copy = go.Figure(figure)
    size = figure.layout.font.size or 12
    copy.update_layout(height=height, font_size=size, legend_font_size=size, hoverlabel_font_size=size)
    copy.update_xaxes(tickfont_size=size, title_font_size=size)
    copy.update_yaxes(tickfont_size=size, title_font_size=size)
    return copy


def read_state(kind: type[S], query: Query, *strict: str) -> S:
    """Read the state of a page from a link. Fields get their defaults where the link has unusable values.

    `strict` names fields with a fixed set of values. Raises `UserError` if one of them has an unusable value.
    """
    state, refused = kind.read(query)
    for name in strict:
        parameter = kind.model_fields[name].alias or name
        if any(text.startswith(f"{parameter}=") for text in refused):
            choices = ", ".join(f"{parameter}={option}" for option in kind.options(name))
            raise unusable(parameter, query, f"use {choices}")
    return state


def run_in(wanted: str | None, found: Sequence[Run], first: Run | None = None) -> Run:
    """Return the run that a link names. Raises `UserError` if it is not among the runs `found`.

    `wanted` is the run's id. Without one, returns `first`, or else the first run of `found`.
    """
    run = next((run for run in found if run.id == wanted), None)
    if wanted and run is None:
        if here := next((run for run in page_runs.all_runs() if run.id == wanted), None):
            why = "" if here.weights else ", because it has no weights that can be read"
            raise UserError(
                f"The link names the run {wanted}, which this view can't show{why}: name another run."
            )
        raise UserError(
            f"The link names the run {wanted[:80]}, which is not on this machine: `python -m vitcore runs` "
            "lists the runs on it, and `import` adds one."
        )
    if run is None and not found:
        raise UserError("There is no trained model yet: train one, or import one.")
    return run or first or found[0]


def image_in(state: ImageState, data: Dataset, run: Run | None = None) -> selection.SelectedImage:
    """Return the image that a link names, or else the first one of the page. Raises `UserError`.

    With `run`, a link can also name images by how well the run classifies them.
    """
    kind = state.kind or selection.first_class(data)
    predictions = (lambda: model_outputs.predictions(run, data)) if run else None
    chosen = selection.find_image(data, kind, state.image, predictions)
    if chosen is None:
        raise UserError(
            f"The link names {kind[:40]}, test image {state.image}, which {data.name} does not have."
        )
    return chosen


def unusable(parameter: str, query: Query, instead: str) -> UserError:
    """Return the error for an unusable value in a link. `instead` says what to do."""
    text = f"{parameter}={query[parameter]}"
    return UserError(f"The link says {text[:80]}, which can't be shown: {instead}.")


def missing_sweep(name: str) -> UserError:
    """Return the error for a sweep that is not on this machine."""
    return UserError(
        f"The link names the sweep {name[:80]!r}, which is not on this machine: `python -m vitcore sweep "
        "list` lists the sweeps on it."
    )
