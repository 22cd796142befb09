"""The length, the seeds and the images of trainings in words. Pure functions, no torch."""

from __future__ import annotations

from collections.abc import Iterable

from vitcore import numbers
from vitcore.config import Config, setting_of
from vitcore.runs.titles import start_title, variant_label
from vitcore.sweeps.variants import is_setting


def line_label(config: Config, varied: Iterable[str] = ()) -> str:
    """Return the name of a line in a sweep of samples: `ViT (conv stem)`, and what it starts from.

    `varied` are the settings that this variant of the model has of its own. Unknown ones are left out.
    """
    known = {name: setting_of(config, name) for name in varied if is_setting(config, name)}
    label = variant_label(config.model, known)
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


def images_of(configs: Iterable[Config]) -> str:
    """Return a sentence on the image size of a sweep with fine-tuned lines, or nothing without such lines.

    The plan of the sweep gives all lines the same image size.
    """
    size = next((config.image_size for config in configs if config.start), None)
    return f"All lines have images of {size}x{size} pixels." if size else ""
