"""Examples of the images that an experiment shows to the models. Does not import torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vitcore.data.decoded import Pixels


@dataclass(frozen=True)
class Example:
    """Pictures uint8 [3, S, S] of one test image, of which the models saw the last one.

    `cues` are the classes between which the models decide, by what speaks for them. `index` is that of the
    test image, and so of the answers in `AnsweredValues`.
    """

    pictures: list[np.ndarray]
    cues: dict[str, int]
    index: int


@dataclass(frozen=True)
class Examples:
    """How the examples of an experiment are made, and the titles of their pictures.

    `make` gets the images uint8 [N, 3, S, S] and the labels int [N].
    """

    make: Callable[[Pixels, np.ndarray], list[Example]]
    titles: tuple[str, ...]
