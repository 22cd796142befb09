"""The runs that Compare and Inductive bias open with, and how many runs Compare shows."""

from __future__ import annotations

from dashboard.shared import resources
from vitcore.runs.folder import Run
from vitcore.runs.metrics import event_files

MAX_COMPARED = 8
PAIR, NEWEST = ("vit", "resnet"), 2  # models of the bundled runs, and maximum number of own runs


def default_pair() -> list[Run | None]:
    """Return the bundled ViT and ResNet, each None if it is missing."""
    bundled = resources.bundled()
    return [bundled.get(model) for model in PAIR]


def default_runs(found: list[Run]) -> list[Run]:
    """Return the bundled ViT and ResNet, and the newest own runs with curves.

    All six bundled models would be twelve overlapping curves. Runs of sweeps have their own view.
    """
    pair = [run for run in found if run.bundled and run.weights and run.config.model in PAIR]
    pair.sort(key=lambda run: PAIR.index(run.config.model))
    own = []
    for run in found:  # newest first
        if len(own) < NEWEST and not run.bundled and run.meta.sweep is None and event_files(run.path):
            own.append(run)
    return [*pair, *own]
