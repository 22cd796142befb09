"""Runs with random weights, for tests of what looks at models."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

from vitcore.config import make_config
from vitcore.models import build, weights_of
from vitcore.runs.folder import Run, create_run, find_run
from vitcore.runs.status import Status


def make_run(
    home, title: str, *, steps: tuple[int, ...] = (), seed: int = 0, data="cifar10-mini", **options
) -> Run:
    """A finished run of an untrained model in the runs folder `home`, with snapshots at `steps`."""
    config = make_config("quick", data=data, **options)
    run = create_run(config, home, title=title, status=Status(state="finished", created=time.time()))
    for place, path in enumerate([run.best, *(run.checkpoints / f"step-{s:07d}.safetensors" for s in steps)]):
        torch.manual_seed(seed + place)
        model = build(config.model, image_size=config.image_size, **config.options)
        save_file(weights_of(model), path)
    return run


def own_copy(bundled: str, place: Path) -> Run:
    """A bundled run's copy in the folder `place`, of an id that is not bundled."""
    found = find_run(bundled)
    return Run(shutil.copytree(found.path, place / f"own-{bundled}"))


def date_events(folder: Path, second: int) -> None:
    """Give the newest event file of a folder that second in its name: files are read in this order."""
    newest = max(folder.glob("events.out.tfevents.*"), key=lambda file: file.stat().st_mtime_ns)
    _, _, _, _, rest = newest.name.split(".", 4)
    newest.rename(newest.with_name(f"events.out.tfevents.{second:010d}.{rest}"))
