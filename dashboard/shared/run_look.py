"""The names and the styles of several runs, the same on every page."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.drawing import theme
from dashboard.shared.labels import run_labels
from vitcore.errors import UserError
from vitcore.runs.folder import Run


def model_of(run: Run) -> str:
    """Return the name of the architecture, or an empty string for event files of other programs."""
    try:
        return run.config.model
    except UserError:
        return ""


def without_labels(run: Run) -> bool:
    """Return whether a run is a pretraining without labels, which has no accuracies."""
    try:
        return bool(run.config.mask_ratio)
    except UserError:
        return False


def names(runs: Sequence[Run]) -> dict[str, str]:
    """Return a distinct name for each run by id: its title, with the time or the id if titles repeat."""
    unique = {run.id: run for run in runs}
    titles = [run.title for run in unique.values()]
    labels = run_labels(list(unique.values()))
    named = {i: r.title if titles.count(r.title) == 1 else labels[i] for i, r in unique.items()}
    used = list(named.values())
    return {i: name if used.count(name) == 1 else f"{unique[i].title} ({i})" for i, name in named.items()}


def styles(runs: Sequence[Run]) -> dict[str, tuple[str, str]]:
    """Return the color and the dash of each run by id.

    Runs of one architecture differ in both. The order of the selection does not matter: a bundled run has
    the color of its architecture, first of all one with weights, which the other pages show. The others
    follow by id.
    """
    ordered = sorted(
        {run.id: run for run in runs}.values(),
        key=lambda run: (not run.bundled, run.weights is None, run.id),
    )
    made = theme.run_styles([model_of(run) for run in ordered])
    return {run.id: style for run, style in zip(ordered, made, strict=True)}
