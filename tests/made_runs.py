"""Runs with random weights."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

from vitcore.config import make_config
from vitcore.models import build_for, weights_of
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run, find_run
from vitcore.runs.status import Status


def make_run(
    home,
    title: str,
    *,
    steps: tuple[int, ...] = (),
    seed: int = 0,
    data="cifar10-mini",
    classes: tuple[str, ...] | None = None,
    recipe: str = "quick",
    **options,
) -> Run:
    """Write a finished run of an untrained model to the runs folder `home`, with snapshots at `steps`."""
    config = make_config(recipe, data=data, **options)
    config = config.model_copy(update={"classes": classes if config.has_classifier else ()})
    run = create_run(config, home, title=title, status=Status(state="finished", created=time.time()))
    for i, path in enumerate([run.best, *(run.checkpoints / f"step-{s:07d}.safetensors" for s in steps)]):
        torch.manual_seed(seed + i)
        model = build_for(config)
        save_file(weights_of(model), path)
    return run


def own_copy(bundled: str, folder: Path) -> Run:
    """Copy a bundled run into a folder, under an id that is not bundled."""
    found = find_run(bundled)
    return Run(shutil.copytree(found.path, folder / f"own-{bundled}"))


def date_events(folder: Path, second: int) -> None:
    """Put a time in seconds into the name of the newest event file: files are read in this order."""
    newest = max(folder.glob("events.out.tfevents.*"), key=lambda file: file.stat().st_mtime_ns)
    _, _, _, _, rest = newest.name.split(".", 4)
    newest.rename(newest.with_name(f"events.out.tfevents.{second:010d}.{rest}"))
