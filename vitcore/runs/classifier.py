"""What is said about models without a classifier, whose outputs are features. Does not import torch."""

from __future__ import annotations

from vitcore.errors import UserError
from vitcore.runs.folder import Run

NO_PREDICTIONS = "it makes no predictions"


def no_classifier(name: str, so: str = NO_PREDICTIONS) -> str:
    """Return the sentence that a model has no classifier, and what follows for the reader."""
    return f"{name} has no classifier, so {so}."


def check_classifier(run: Run, so: str = NO_PREDICTIONS, *, name: str = "") -> None:
    """Raise `UserError` if the outputs of a model are features, from which no class is predicted.

    `name` is what the reader calls the run, its id without one. `so` is what follows for the reader.
    """
    if not run.config.has_classifier:
        sentence = no_classifier(name or f"Run {run.id}", so).removesuffix(".")
        raise UserError(f"{sentence}: choose another run, or fine-tune this one first.")
