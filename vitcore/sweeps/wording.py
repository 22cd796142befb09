"""The length and the seeds of trainings in words. Pure functions, no torch."""

from __future__ import annotations

from collections.abc import Iterable

from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config
from vitcore.runs.titles import start_title


def line_label(config: Config) -> str:
    """Return the name of a line in a sweep of samples: the model, and what it starts from."""
    label = ARCHITECTURES[config.model].label
    if not config.start:
        return label
    probe = ", frozen" if config.freeze else ""
    return f"{label} from {start_title(config)}{probe}"


def steps_of(config: Config) -> int | None:
    """Return the number of optimizer steps, or None if the configuration does not determine it."""
    return config.epochs * config.steps_per_epoch if config.steps_per_epoch and not config.minutes else None


def length_of(config: Config) -> str:
    """Return how long a training takes, as configured: `5 minutes`, `3,500 steps` or `10 epochs`."""
    if config.minutes:
        return numbers.count(config.minutes, "minute")
    steps = steps_of(config)
    return numbers.count(steps, "step") if steps else numbers.count(config.epochs, "epoch")


def seeds_of(configs: Iterable[Config]) -> str:
    """Return the seeds of several trainings, such as `seeds 0, 1`."""
    return numbers.listed("seed", sorted({config.seed for config in configs}))
