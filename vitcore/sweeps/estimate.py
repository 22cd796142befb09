"""Estimate how long a sweep takes, from measurements of comparable trainings. Does not import torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, make_config
from vitcore.errors import UserError
from vitcore.provenance import processor_name
from vitcore.queue.devices import Device, device_request
from vitcore.runs.folder import Run
from vitcore.runs.status import Status
from vitcore.sweeps.plan import Plan
from vitcore.sweeps.wording import steps_of

TRAINING_IMAGES = {"cifar10": 45_000, "cifar10-mini": 3_500}  # without the validation images
LEAST_STEPS = 30  # the first ones are slower
LEAST_S = 20.0  # in a shorter training, the start takes too large a part
# Settings that do not change the time of a step. The device is compared as the one that is used.
FREE = {
    "recipe",
    "seed",
    "device",
    "epochs",
    "minutes",
    "steps_per_epoch",
    "train_share",
    "lr",
    "weight_decay",
    "decay",
    "momentum",
    "nesterov",
    "schedule",
    "milestones",
    "warmup_epochs",
    "clip_norm",
    "label_smoothing",
    "skip_broken",
    "classes",
    "options",
    "data",
    "start",
    "start_digest",
    "head_lr",
    "layer_decay",
}
FREE_OPTIONS = {"init_std"}
Count = Callable[[Config], int | None]  # the number of training images of a dataset, None if unknown


@dataclass(frozen=True)
class Speed:
    """The speed of a training with its validation, and where it was measured."""

    images_per_s: float
    source: str


def work_of(config: Config) -> tuple[Any, ...]:
    """Return what determines the time of an image. Trainings with equal values are comparable.

    This includes the data, because the time contains the validation.
    """
    settings = tuple((name, value) for name, value in config if name not in FREE)
    options = tuple((name, str(v)) for name, v in config.options.items() if name not in FREE_OPTIONS)
    return (*settings, *options, config.folder or config.data)


def step_images(config: Config, count: int) -> int:
    """Return the images of a step, as the loader makes it: never more than the training images there are.

    `count` is the number of training images of the dataset, of which the configuration uses a share.
    """
    world = config.devices * config.nodes
    return max(1, min(config.batch_size, round(config.train_share * count)) // world) * world


def images_of(config: Config, count: int) -> int:
    """Return the training images that a configuration without a time budget processes, with repetitions."""
    each = step_images(config, count)
    passes = max(1, round(config.train_share * count) // each)  # the last partial batch of a pass is dropped
    return each * (steps_of(config) or config.epochs * passes)


def speed_of_run(status: Status, config: Config, title: str, count: int | None) -> Speed | None:
    """Return the speed of a training that has run long enough, or None. `count` as in `step_images`."""
    if status.active_s < LEAST_S or status.step < LEAST_STEPS or not count:
        return None
    return Speed(status.step * step_images(config, count) / status.active_s, f"your run {title}")


def earlier_speed(config: Config, runs: Iterable[Run], images: Count, device: Device) -> Speed | None:
    """Return the speed of the first comparable run that trained long enough on such a device, or None."""
    wanted = work_of(config)
    for run in runs:
        if run.bundled or not run.id.startswith(f"{config.model}-"):
            continue
        try:
            other, status = run.config, run.stored_status()
        except UserError:
            continue
        if work_of(other) == wanted and _ran_on(status, device):
            used = status.result.get("n_train")
            count = round(used / other.train_share) if used else images(other)
            if speed := speed_of_run(status, other, run.title, count):
                return speed
    return None


def _ran_on(status: Status, device: Device) -> bool:
    """Return whether a training ran on a device of this kind and name."""
    name = processor_name() if device.kind == "mps" else device.name  # as `provenance.machine` records it
    kind = (status.device or "").partition(":")[0]
    return kind == device.kind and status.machine.startswith(f"{name},")


def measured_speed(config: Config, device: Device) -> Speed | None:
    """Return the speed at which the recipe of a configuration was measured.

    Return None if its minutes or its images are unknown, or if the configuration is not comparable.
    """
    result = ARCHITECTURES[config.model].measured.get(config.recipe)
    if result is None or not result.minutes or result.data not in TRAINING_IMAGES:
        return None
    measured = make_config(config.recipe, model=config.model, data=result.data)
    if work_of(config) != work_of(measured) or device.kind != result.device:
        return None
    images = result.epochs * TRAINING_IMAGES[result.data]
    return Speed(images / (60 * result.minutes), f"recipe {config.recipe}, measured on {result.where}")


def device_of(config: Config, devices: Sequence[Device], key: str | None = None) -> Device | None:
    """Return the device that a training would use, or None if there is no such device.

    `key` names a specific device.
    """
    try:
        request = device_request("", config, devices, key)
    except UserError:
        return None
    fitting = (
        device for device in devices if device.kind == request.kind and request.key in (None, device.key)
    )
    return next(fitting, None)


def seconds_of(plan: Plan, speed: Callable[[Config], Speed | None], images: Count) -> float | None:
    """Return the seconds of all runs one after another, or None if the speed of one is unknown."""
    total = 0.0
    for entry in plan.entries:
        config = entry.config
        if config.minutes:
            total += 60 * config.minutes
            continue
        found, count = speed(config), images(config)
        if found is None or not count:
            return None
        total += images_of(config, count) / found.images_per_s
    return total
