"""The run folder of a training that ViT Lab did not start: its network and its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from torch import nn

from vitcore.config import Config, build_config
from vitcore.data import resolve
from vitcore.errors import UserError
from vitcore.exchange.modules import Converted, convert
from vitcore.preprocessing import attach
from vitcore.runs.creation import create_curves_folder, create_run
from vitcore.runs.folder import EXTERNAL, Run
from vitcore.runs.status import Status


@dataclass(frozen=True)
class Eight:
    """The images whose predictions are recorded: uint8 [N, 3, S, S], and their classes [N]."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class External:
    """A run folder, and the network in it. Without a network, `reason` says why it has only curves."""

    run: Run
    status: Status
    source: nn.Module | None  # in the LightningModule
    converted: Converted | None
    reason: str
    batch_size: int  # 0 if it is not known


def create(
    trainer: pl.Trainer,
    module: pl.LightningModule,
    network: str | None,
    wanted: Mapping[str, Any],
    status: Status,
    title: str,
    runs_dir: str | Path | None,
    eight: Eight | None,
) -> External:
    """Create the run folder of a training. `wanted` holds what `AttentionSnapshots` was given.

    Raise `UserError` for wrong arguments. A network that cannot be converted is no error.
    """
    batch_size = getattr(trainer.train_dataloader, "batch_size", None) or 0
    source = None if network is None else _attribute(module, network)
    converted, reason = None, "no network was named"
    if source is not None:
        try:
            size = None if eight is None else eight.images.shape[-1]
            converted = convert(source, image_size=size, recipe=EXTERNAL)
        except UserError as error:
            reason = str(error)
    name = type(module).__name__
    if converted is None:
        status = status.model_copy(update={"reason": reason})
        run = create_curves_folder(name.lower(), runs_dir, title=title or name, status=status)
        return External(run, status, source, None, reason, batch_size)
    config = _configured(converted, wanted, trainer, batch_size)
    if eight is not None and (largest := int(eight.labels.max())) >= config.num_classes > 0:
        raise UserError(f"A label is {largest}, but there are {config.num_classes} classes: correct labels=.")
    attach(converted.network, config.preprocessing)
    converted = replace(converted, config=config)
    title = title or f"{type(converted.source).__name__}, trained by {name}"
    run = create_run(config, runs_dir, title=title, status=status)
    return External(run, status, source, converted, "", batch_size)


def _attribute(module: pl.LightningModule, path: str) -> nn.Module:
    """Return the module at a path of attributes such as `student.backbone`."""
    found: Any = module
    for name in path.split("."):
        found = getattr(found, name, None)
    if not isinstance(found, nn.Module):
        known = ", ".join(name for name, _ in module.named_children()) or "none"
        raise UserError(
            f"{type(module).__name__} has no network {path!r}: name one of its modules ({known}) for "
            "AttentionSnapshots, or None to record only the curves."
        )
    return found


def _configured(
    converted: Converted, wanted: Mapping[str, Any], trainer: pl.Trainer, batch_size: int
) -> Config:
    """Return the configuration of the run, with what the caller and the trainer say."""
    config, name = converted.config, type(converted.source).__name__
    mean, std = wanted["mean"], wanted["std"]
    if (mean is None or std is None) and not converted.pixels_known:
        raise UserError(
            f"{name} does not say how its images are normalized: give AttentionSnapshots mean= and std=, "
            "with three numbers each."
        )
    pixels = config.preprocessing.model_dump()
    pixels |= {key: tuple(value) for key, value in (("mean", mean), ("std", std)) if value is not None}
    rate = trainer.optimizers[0].param_groups[0] if trainer.optimizers else {}
    settings = {
        "epochs": trainer.max_epochs,
        "batch_size": batch_size,
        "lr": rate.get("initial_lr", rate.get("lr")),
        "weight_decay": rate.get("weight_decay"),
    }
    values = config.model_dump() | {"preprocessing": pixels}
    values |= {name: value for name, value in settings.items() if _fits(name, value)}
    count, classes = config.num_classes, wanted["classes"]
    if classes is not None:
        values["classes"] = tuple(str(class_) for class_ in classes)
        if len(classes) != count:
            raise UserError(f"{name} has {count} classes, but classes= names {len(classes)}: correct them.")
    if data := wanted["data"]:
        found = resolve(build_config(**values | {"data": data, "classes": None}))
        if found.num_classes != count:
            raise UserError(
                f"{name} has {count} classes, but {data} has {found.num_classes}: give the dataset of this "
                "training, or leave out data=."
            )
        return found
    return build_config(**values)


def _fits(name: str, value: Any) -> bool:
    """Return whether a value of the trainer is within the bounds of the setting."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        build_config(**{name: value})
    except UserError:
        return False
    return True
