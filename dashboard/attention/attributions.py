"""Cached class maps by any attribution method, of trained models and of models with random weights.

torch is imported when it is first needed. The outputs are cached by the version of the weights and the
pixels, and shared by all visitors: do not change the arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.attention import views
from dashboard.drawing.prediction import prediction
from dashboard.shared import model_outputs, resources
from dashboard.shared.model_outputs import as_tensor
from dashboard.shared.page_state import SETTING
from dashboard.shared.turns import limited
from vitcore.architectures import ARCHITECTURES
from vitcore.attribution import METHODS, Method, Needs, checks, methods_for
from vitcore.attribution.checks import Curves, MapCheck
from vitcore.errors import UserError
from vitcore.runs.folder import Run

MAX_GRADIENTS = 5e9  # bytes of the attention weights of one image and their gradients
Items = tuple[tuple[str, Any], ...]  # the settings of a method
SINGLE_PIXELS = 32 * 32  # positions of a map from which its percentile counts; maps of patches have fewer


@dataclass(frozen=True)
class Question:
    """What a class map is about: a run, an image uint8 [3, S, S], a class, and perhaps a second class.

    The classes are indices. The map of the class `against` is subtracted. `settings` are all of the method.
    """

    run: Run
    image: np.ndarray
    target: int
    against: int | None = None
    snapshot: Path | None = None
    method: Method = METHODS["relevance"]
    settings: Items = ()

    @property
    def title(self) -> str:
        """The model and the method, with the stage of a CNN."""
        architecture = ARCHITECTURES[self.run.config.model]
        title = f"{architecture.label}: {self.method.title}"
        if self.method.name != "grad-cam" or architecture.attention:
            return title
        stages = self.outputs.stages
        return f"{title}, stage {dict(self.settings).get('stage') or stages} of {stages}"

    @property
    def changes(self) -> str:
        """The settings that are not the defaults, or an empty string."""
        options = [
            (self.method.settings[n], value) for n, value in self.settings if n in self.method.settings
        ]
        return ", ".join(
            f"{setting.label.lower()} {setting.show(value)}"
            for setting, value in options
            if setting.options and value != setting.default
        )

    @property
    def outputs(self) -> model_outputs.Outputs:
        """What the model predicts."""
        return model_outputs.outputs(self.run, self.image, self.snapshot)


def scale_end(maps: Sequence[np.ndarray]) -> float:
    """Return the value with the last color of a scale for maps [h, w]: their largest absolute value.

    A map of single pixels enters with its 98th percentile instead, as in Captum: a few of its pixels are many
    times larger than all others, and would leave the rest of both maps without a visible color.
    """
    ends = [np.quantile(np.abs(m), 0.98 if m.size >= SINGLE_PIXELS else 1.0) for m in maps]
    return max(float(max(ends)), 1e-9)


def share_of_even(values: np.ndarray) -> np.ndarray:
    """Return maps in units of their mean absolute value. [..., h, w] -> [..., h, w]

    Evenly spread evidence is 1.
    """
    mean = np.abs(values).mean(axis=(-2, -1), keepdims=True)
    return np.divide(values, mean, out=np.zeros_like(values), where=mean > 0)


def suited(run: Run, image: np.ndarray, snapshot: Path | None = None) -> dict[str, Method]:
    """Return the methods for the model of a run, the usual one first. Raise `UserError`."""
    has: list[Needs] = []
    if ARCHITECTURES[run.config.model].attention:
        has.append("attention")
    elif model_outputs.outputs(run, image, snapshot).stages:
        has.append("stages")
    return methods_for(has)


def settings_of(
    method: Method, given: Mapping[str, str], stage: int | None = None
) -> tuple[Items, list[str]]:
    """Return the settings of a method that a link gives, and the names of the invalid ones."""
    values, refused = method.usable(given)
    if "stage" in values:  # a field of the page
        values["stage"] = stage
    return tuple(values.items()), [f"{SETTING}{name}" for name in refused]


@st.cache_resource(max_entries=256, show_spinner=False)
@limited
def _maps(
    stamp: resources.Stamp,
    seed: int | None,
    pixels: bytes,
    shape: tuple,
    name: str,
    settings: Items,
    classes: tuple,
) -> tuple[np.ndarray, str]:
    """Return maps [C, h, w] and the remark of the method. With a seed, the weights are random."""
    import torch

    from vitcore.attribution.checks import with_random_weights

    method = METHODS[name]
    net = stamp.model() if seed is None else with_random_weights(stamp.run.config, seed)
    image, chosen = as_tensor(pixels, shape), torch.tensor(classes)
    maps = method.compute(net, image, chosen, dict(settings))
    remark = method.remark(net, image, chosen, maps) if method.remark and seed is None else ""
    return np.nan_to_num(maps.numpy()), remark


@st.cache_resource(max_entries=128, show_spinner=False)
@limited
def _stage_maps(
    stamp: resources.Stamp, pixels: bytes, shape: tuple, target: int, stages: int
) -> list[np.ndarray]:
    import torch

    from vitcore.analysis.attribution import grad_cam

    net, image, chosen = stamp.model(), as_tensor(pixels, shape), torch.tensor([target])
    return [grad_cam(net, image, chosen, stage)[0].numpy() for stage in range(stages)]


def stage_maps(question: Question) -> list[np.ndarray]:
    """Return the map [h, w] of each stage of a CNN by Grad-CAM, finest first, in multiples of its mean.

    A model without stages has none. Raise `UserError`.
    """
    pixels, shape = question.image.tobytes(), question.image.shape
    stages = question.outputs.stages
    stamp = resources.stamp_of(question.run, question.snapshot)
    return [share_of_even(m) for m in _stage_maps(stamp, pixels, shape, question.target, stages)]


def values(question: Question, seed: int | None = None) -> np.ndarray:
    """Return the map [h, w] that answers a question, in multiples of its mean. Raise `UserError`.

    With a seed, it is the map of a model with random weights.
    """
    found = share_of_even(_answer(question, seed)[0])
    return found[0] if question.against is None else found[0] - found[1]


def remark(question: Question) -> str:
    """Return what the method says about its map, or an empty string. Raise `UserError`."""
    return _answer(question, None)[1]


def _answer(question: Question, seed: int | None) -> tuple[np.ndarray, str]:
    classes = (question.target,) if question.against is None else (question.target, question.against)
    if (size := _gradient_bytes(question)) > MAX_GRADIENTS:
        raise UserError(
            f"{question.method.title} of {question.run.title} takes {1e-9 * size:.0f} GB: choose a run with "
            "larger patches, or another method."
        )
    resources.model(question.run, question.snapshot)
    stamp = resources.stamp_of(question.run, question.snapshot)
    pixels, shape = question.image.tobytes(), question.image.shape
    return _maps(stamp, seed, pixels, shape, question.method.name, question.settings, classes)


@st.cache_resource(max_entries=512, show_spinner=False)
@limited
def _curves(stamp: resources.Stamp, pixels: bytes, shape: tuple, target: int, order: bytes) -> Curves:
    from vitcore.analysis.faithfulness import deletion_and_insertion

    net, image = stamp.model(), as_tensor(pixels, shape)
    return Curves(*deletion_and_insertion(net, image, target, np.frombuffer(order, np.int64)))


def check(question: Question) -> Iterator[tuple[int, int, MapCheck | None]]:
    """Yield the progress of the checks of a map, and last the checks, as `checks.check` does."""
    stamp = resources.stamp_of(question.run, question.snapshot)
    pixels, shape = question.image.tobytes(), question.image.shape

    def curves(order: np.ndarray) -> Curves:
        return _curves(stamp, pixels, shape, question.target, order.astype(np.int64).tobytes())

    return checks.check(values(question), lambda seed: values(question, seed), curves)


def _gradient_bytes(question: Question) -> int:
    """Return the size of the attention weights that a method needs for one image, with their gradients."""
    if question.method.takes != ("attention",):
        return 0
    return 2 * views.bytes_of(question.run) * (1 + question.method.per_class)


def predicted(question: Question, classes: tuple[str, ...]) -> tuple[str, str]:
    """Return the class that the model predicts, and its confidence as text."""
    found = prediction(question.outputs.probabilities, classes)
    return found.name, found.confidence
