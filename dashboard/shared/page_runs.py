"""The runs that each page offers. Links to a page, and so the steps of talks, can name the same ones.

A page and its scene both ask here, so that every view that the page shows can be presented.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from dashboard.shared import resources
from vitcore.errors import UserError
from vitcore.probes.store import source_of
from vitcore.runs.folder import Run
from vitcore.runs.metrics import event_files
from vitcore.runs.weights import stored_sha256


def offered(page: str) -> list[Run]:
    """Return the runs that a page of `PAGES` can show. Raise `KeyError` for a page without runs."""
    return OFFERED[page]()


def comparable(run: Run, found: list[Run], *, same_classes: bool = True) -> list[Run]:
    """Return the runs of `found` for the same image size and classes as a run, the other ones first.

    Without `same_classes`, they are those that are measured on the same images.
    """

    def kind(one: Run) -> tuple:
        config = one.config
        return (config.image_size, config.classes if same_classes else source_of(config))

    return sorted((one for one in found if kind(one) == kind(run)), key=lambda one: one.id == run.id)


def all_runs() -> list[Run]:
    """Return every readable run on this machine, followed by the curves of other programs."""
    return [*resources.runs(), *resources.foreign_runs()]


def _with_curves_or_weights() -> list[Run]:
    own = (run for run in resources.runs() if run.weights or event_files(run.path))
    return [*own, *resources.foreign_runs()]


def _with_weights_or_checksum() -> list[Run]:
    return [run for run in resources.runs() if run.weights or _has_checksum(run)]


def _has_checksum(run: Run) -> bool:
    """Return whether results that were measured with weights that are not here can still be shown."""
    with contextlib.suppress(UserError):  # a malformed checksum is none
        return stored_sha256(run.best) is not None
    return False


OFFERED: dict[str, Callable[[], list[Run]]] = {
    "patches": lambda: resources.runs(trained=True, model="vit"),
    "attention": lambda: resources.runs(trained=True),
    "training": resources.runs,
    "compare": _with_curves_or_weights,
    "inductive_bias": _with_weights_or_checksum,
}
