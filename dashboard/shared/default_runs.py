"""The runs that Compare and Inductive bias open with, and how many runs Compare shows."""

from __future__ import annotations

from dashboard.shared import resources
from vitcore.runs.folder import Run

MAX_COMPARED = 8
PAIR = ("vit", "resnet")  # models of the bundled runs


def default_pair() -> list[Run | None]:
    """Return the bundled ViT and ResNet, each None if it is missing."""
    bundled = resources.bundled()
    return [bundled.get(model) for model in PAIR]


def default_runs() -> list[Run]:
    """Return the bundled ViT and ResNet, as far as they are there.

    All six bundled models would be twelve overlapping curves. One of the user's runs is compared when it is
    chosen: otherwise a stopped one could change the images on which all runs are tested.
    """
    return [run for run in default_pair() if run]
