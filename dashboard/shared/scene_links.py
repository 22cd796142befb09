"""Links to scenes: find the run, the image and the settings that a link names.

A page makes its scenes in `dashboard/<page>/scene.py` with these functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from dashboard.shared import model_outputs, page_runs, selection
from dashboard.shared.page_state import ImageState, PageState
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.runs.folder import Run

Query = Mapping[str, str]  # the parameters of a page's address
S = TypeVar("S", bound=PageState)


def read_state(kind: type[S], query: Query, *strict: str) -> S:
    """Read the state of a page from a link. Fields get their defaults where the link has unusable values.

    `strict` names fields with a fixed set of values. Raise `UserError` if one of them has an unusable value.
    """
    state, refused = kind.read(query)
    for name in strict:
        parameter = kind.model_fields[name].alias or name
        if parameter in refused:
            choices = ", ".join(f"{parameter}={option}" for option in kind.options(name))
            raise unusable(parameter, query, f"use {choices}")
    return state


def run_in(wanted: str | None, found: Sequence[Run], first: Run | None = None) -> Run:
    """Return the run that a link names. Raise `UserError` if it is not among the runs `found`.

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
    """Return the image that a link names, or else the first one of the page. Raise `UserError`.

    With `run`, a link can also name images by how well the run classifies them.
    """
    kind = state.kind or selection.first_class(data)
    predictions = (lambda: model_outputs.predictions(run, data)) if run else None
    chosen = selection.find_image(data, kind, state.image, predictions, state.square)
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
