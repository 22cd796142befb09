"""The class that a model predicts, as pages name it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vitcore import numbers


class Prediction(NamedTuple):
    """The most likely class of an image: its index, its name, and its probability from 0 to 1."""

    index: int
    name: str
    probability: float

    @property
    def confidence(self) -> str:
        """The probability as text, such as `92 %`."""
        return numbers.probability(self.probability)


def prediction(probabilities: np.ndarray, classes: Sequence[str]) -> Prediction:
    """Return the prediction from probabilities [classes]."""
    index = int(probabilities.argmax())
    return Prediction(index, classes[index], float(probabilities[index]))
