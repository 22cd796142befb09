"""The class maps of one or two models in one color scale, the same on the page and in a talk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dashboard.attention import attributions
from dashboard.attention.attributions import Items, Question
from dashboard.shared import model_outputs
from vitcore.attribution import Method
from vitcore.runs.folder import Run

UNIT = "multiples of an even spread over the image"
# Gets a run, the field of `AttentionState` with the name of its method, its methods and its number of stages.
Choose = Callable[[Run, str, Mapping[str, Method], int], tuple[Method, Items]]


@dataclass(frozen=True)
class ColorScale:
    """The color scale of maps in `UNIT`.

    `limits` are its ends, and `low` and `high` their labels.
    """

    signed: bool
    limits: tuple[float, float]
    low: str
    high: str

    @property
    def foot(self) -> str:
        """The sentence below pictures in this scale."""
        return f"Color scale, in {UNIT}: {self.low} to {self.high}, no tint at 0."


def questions_of(
    run: Run,
    snapshot: Path | None,
    image: np.ndarray,
    other: Run | None,
    classes: tuple[int, int | None],
    choose: Choose,
) -> list[Question]:
    """Return what the maps of a run, and of the run to compare with, are about. Raise `UserError`.

    `classes` are the index of the class and that of the class to subtract. `choose` returns the method and
    the settings of each run.
    """
    subjects = [(run, snapshot, "method"), *([(other, None, "other_method")] if other else [])]
    questions = []
    for subject, weights, field in subjects:
        methods = attributions.suited(subject, image, weights)
        stages = model_outputs.outputs(subject, image, weights).stages
        method, settings = choose(subject, field, methods, stages)
        questions.append(Question(subject, image, *classes, weights, method, settings))
    return questions


def color_scale(
    questions: list[Question], maps: list[np.ndarray], named: str, against: str | None
) -> ColorScale:
    """Return the common color scale of maps [h, w] that answer the questions.

    `named` and `against` are the names of the class and of the class that is subtracted, if any.
    """
    top = attributions.scale_end(maps)
    if against is not None or any(question.method.signed for question in questions):
        below = f"against {named}" if against is None else against
        return ColorScale(True, (-top, top), f"−{top:.1f} ({below})", f"{top:.1f} ({named})")
    return ColorScale(False, (0.0, top), "0", f"{top:.1f}")
