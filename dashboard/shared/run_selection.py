"""The runs that a page shows, selected by widgets that the address holds.

Widgets with the same parameter share their value between pages. A run that was shown and is gone, or has lost
its weights, is replaced with a warning.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.shared import bound, page_runs, resources
from dashboard.shared.labels import run_label, run_labels
from dashboard.shared.page_state import PageState
from vitcore.runs.folder import Run

CHOSEN = "chosen_runs"  # in the session: what is known of the runs that the visitor was shown, by id


@dataclass(frozen=True)
class _Known:
    """A run that the visitor was shown."""

    title: str
    has_weights: bool


def choose_run(
    found: list[Run],
    page: type[PageState],
    field: str,
    label: str,
    *,
    first: Run | None = None,
    named: Mapping[str, str] | None = None,
    unsuited: Callable[[Run], str] | None = None,
    **widget_options: Any,
) -> Run:
    """Draw a select box of runs. Without one in the link, it selects `first`, or the first of `found`.

    `named` are other labels of some runs by id. `unsuited` returns why the page cannot show a run, to follow
    its title, or an empty string. `widget_options` holds further arguments of the select box.
    """
    by_id = {run.id: run for run in found}
    options = {**run_labels(found), **(named or {})}
    lost = _lost(by_id, page, field)
    chosen = by_id[
        bound.choose(
            st.selectbox,
            page,
            field,
            label,
            options,
            first=first.id if first else None,
            warn=functools.partial(_warn_missing, unsuited=unsuited),
            **widget_options,
        )
    ]
    _remember([chosen], lost)
    return chosen


def selected_run(found: list[Run], page: type[PageState], field: str) -> Run:
    """Return the run that `choose_run` selects, before its widget is drawn."""
    by_id = {run.id: run for run in found}
    lost = _lost(by_id, page, field)
    chosen = by_id[bound.settle(page, field, {run.id: run_label(run) for run in found}, warn=_warn_missing)]
    _remember([chosen], lost)
    return chosen


def choose_runs(
    found: list[Run],
    page: type[PageState],
    field: str,
    label: str,
    *,
    first: Callable[[], list[Run]],
    most: int,
) -> list[Run]:
    """Draw a choice of up to `most` runs. Without any in the link, it selects those of `first()`."""
    by_id = {run.id: run for run in found}
    options = run_labels(found)
    lost = _lost(by_id, page, field)
    ids = bound.choose_several(
        page, field, label, options, first=lambda: [run.id for run in first()], most=most, warn=_warn_missing
    )
    chosen = [by_id[run_id] for run_id in ids]
    _remember(chosen, lost)
    return chosen


def forget(runs: Iterable[Run]) -> None:
    """Do not warn about these runs: the visitor deleted them."""
    for run in runs:
        st.session_state.get(CHOSEN, {}).pop(run.id, None)


@dataclass(frozen=True)
class _Lost:
    """The titles of the runs that the visitor was shown and that the page cannot show any more."""

    removed: list[str]
    without_weights: list[str]


def _lost(by_id: Mapping[str, Run], page: type[PageState], field: str) -> _Lost:
    """Return the runs that a field holds and that were removed or lost their weights, once each.

    A run that is not among the options for another reason is not one of them.
    """
    known: dict[str, _Known] = st.session_state.get(CHOSEN, {})
    missing = [id_ for id_ in bound.kept(page, field) if id_ not in by_id and id_ in known]
    if not missing:
        return _Lost([], [])
    here = {run.id: run for run in page_runs.all_runs()}
    stripped = [id_ for id_ in missing if id_ in here and known[id_].has_weights and not here[id_].weights]
    removed = [known.pop(id_).title for id_ in missing if id_ not in here]
    return _Lost(removed, [known.pop(id_).title for id_ in stripped])


def _remember(chosen: Iterable[Run], lost: _Lost) -> None:
    """Remember the chosen runs, and warn about the runs that they replace."""
    runs = {run.id: _Known(run.title, run.weights is not None) for run in chosen}
    st.session_state.setdefault(CHOSEN, {}).update(runs)
    instead = ", ".join(run.title for run in runs.values())
    if lost.removed:
        bound.warn_removed(lost.removed, instead)
    if lost.without_weights:
        bound.warn_without_weights(lost.without_weights, instead)


def _warn_missing(names: Sequence[str], instead: str, unsuited: Callable[[Run], str] | None = None) -> None:
    """Warn about the runs of a link that the page cannot show, each with the reason if it is known."""
    here = {run.id: run for run in page_runs.all_runs()}
    reasons = {name: unsuited(here[name]) for name in names if unsuited and name in here}
    for name, reason in reasons.items():
        if reason:
            bound.warn_unsuited(here[name].title, reason, instead)
    names = [name for name in names if not reasons.get(name)]
    stripped = [name for name in names if name in here and not here[name].weights]
    if stripped:
        bound.warn_without_weights([here[name].title for name in stripped], instead, linked=True)
    broken = {run.id: reason for run, reason in resources.broken() if run.id in names}
    for reason in broken.values():
        bound.warn_broken(reason, instead)
    if others := [name for name in names if name not in stripped and name not in broken]:
        bound.warn_missing(others, instead)
