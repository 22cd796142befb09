"""Estimate how long a sweep takes, from the measured speed of each model. Does not import torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config
from vitcore.errors import UserError
from vitcore.runs.folder import Run
from vitcore.runs.status import Status
from vitcore.sweeps.plan import Plan
from vitcore.sweeps.wording import steps_of

TRAINING_IMAGES = {"cifar10": 45_000, "cifar10-mini": 3_500}  # without the validation images
LEAST_S = 5.0  # a shorter training says little about the speed


@dataclass(frozen=True)
class Speed:
    """The speed of a training with its validation, and where it was measured."""

    images_per_s: float
    source: str


def speed_of_run(status: Status, config: Config, title: str) -> Speed | None:
    """Return the speed of a training that has run long enough, or None."""
    if status.active_s < LEAST_S or not status.step:
        return None
    return Speed(status.step * config.batch_size / status.active_s, f"your run {title}")


def earlier_speed(model: str, recipe: str, runs: Iterable[Run]) -> Speed | None:
    """Return the speed of the first of these runs that trained this model with this recipe long enough."""
    for run in runs:
        if run.bundled or not run.id.startswith(f"{model}-{recipe}-"):
            continue
        try:
            config, status = run.config, run.stored_status()
        except UserError:
            continue
        if (config.model, config.recipe) == (model, recipe) and (
            speed := speed_of_run(status, config, run.title)
        ):
            return speed
    return None


def measured_speed(model: str, recipe: str) -> Speed | None:
    """Return the speed at which a recipe was measured, or None if its minutes or its images are unknown."""
    result = ARCHITECTURES[model].measured.get(recipe)
    if result is None or not result.minutes or result.data not in TRAINING_IMAGES:
        return None
    images = result.epochs * TRAINING_IMAGES[result.data]
    return Speed(images / (60 * result.minutes), f"recipe {recipe}, measured on {result.where}")


def seconds_of(
    plan: Plan, speeds: Mapping[str, Speed | None], images: Callable[[Config], int | None]
) -> float | None:
    """Return the seconds of all runs one after another, or None if the speed of a model is unknown.

    `speeds` are by model. `images` returns the number of training images of a configuration.
    """
    total = 0.0
    for entry in plan.entries:
        config = entry.config
        if config.minutes:
            total += 60 * config.minutes
            continue
        speed = speeds.get(config.model)
        steps = steps_of(config)
        if steps:
            seen: float | None = steps * config.batch_size
        else:
            count = images(config)
            seen = count and config.epochs * count * config.train_share
        if speed is None or not seen:
            return None
        total += seen / speed.images_per_s
    return total
