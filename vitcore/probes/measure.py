"""Run a probe step by step, so that it can show progress and be canceled. Store only complete results."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from vitcore.errors import UserError
from vitcore.models import build_for, load_run
from vitcore.paths import check_allowed
from vitcore.probes import IMAGES, SPEED, Probe
from vitcore.probes.store import UNTRAINED_SEED, Result, Subject, find, images_of, keep
from vitcore.provenance import commit, machine


@dataclass(frozen=True)
class Partial:
    """The progress of a measurement.

    `values`, of the probe's type, are the values of the first `done` images, or None before the first.
    """

    done: int
    total: int
    values: Any
    result: Result | None = None  # set in the last item


def measure(
    probe: Probe,
    subjects: list[Subject],
    images: int = IMAGES,
    settings: dict[str, Any] | None = None,
    root: str | Path | None = None,
    *,
    with_run: bool = False,
    command: str = "",
) -> Iterator[Partial]:
    """Measure one model (two for a `pair` probe), or find the stored result. The last item has the result.

    Nothing is stored unless the iteration completes. `images` is the maximum number of images. `with_run`
    stores the result in the run's own folder. Raise `UserError` for runs or settings that do not fit,
    and in read-only mode unless the result is stored already.
    """
    if len(subjects) != 1 + probe.pair:
        raise UserError(f"{probe.name} measures {1 + probe.pair} model(s) at a time: choose that many runs.")
    settings = probe.settings(settings)
    if probe.custom:
        yield from probe.steps(probe, subjects, images, settings, root, with_run=with_run, command=command)
        return
    seen = images_of(probe, [s.run for s in subjects], images)
    total = len(seen.labels)
    stored = find(probe, subjects, seen, settings, root)
    if stored and not with_run:
        yield Partial(total, total, stored.values, stored)
        return
    check_allowed()
    began = time.time()
    yield Partial(0, total, None)
    models = [model_of(subject) for subject in subjects]
    pixels, values = torch.from_numpy(np.asarray(seen.pixels)), None
    known = seen.labeled and all(subject.run.config.has_classifier for subject in subjects)
    labels = seen.labels if known else None
    for done, values in probe.steps(models[0], (*models, None)[1], pixels, labels, settings):
        yield Partial(done, total, values)
    result = concluded(
        probe,
        subjects,
        total,
        settings,
        seen.title,
        done,
        values,
        began=began,
        command=command,
    )
    keep(result, probe, subjects, seen, root, with_run=with_run)
    yield Partial(total, total, values, result)


def concluded(
    probe: Probe,
    subjects: list[Subject],
    images: int,
    settings: dict[str, Any],
    data: str,
    done: int,
    values: Any,
    *,
    began: float,
    command: str = "",
) -> Result:
    """Return the result of a measurement started at `began`, on `done` of the images `data`."""
    return Result(
        probe=probe.name,
        title=probe.title,
        runs=[s.name for s in subjects],
        models=[s.run.config.model for s in subjects],
        data=data,
        images=done,
        settings=settings,
        values=values,
        date=time.strftime("%Y-%m-%d", time.gmtime(began)),
        seconds=round(time.time() - began, 2),
        machine=machine(),
        command=command or command_of(probe, subjects, images, settings),
        commit=commit(),
        torch=torch.__version__,
    )


def model_of(subject: Subject) -> nn.Module:
    """Return a subject's model in evaluation mode. An untrained model always has the same random weights."""
    if not subject.untrained:
        return load_run(subject.run)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(UNTRAINED_SEED)
        return build_for(subject.run.config).eval()


def command_of(probe: Probe, subjects: list[Subject], images: int, settings: dict[str, Any]) -> str:
    """Return the command line for the same measurement."""
    words = [f"python -m vitcore probe {probe.name} --runs", *(s.run.id for s in subjects)]
    words += [f"--images {images}"] if probe is not SPEED else []
    words += [f'--set "{name}={value}"' for name, value in settings.items() if name in probe.choices]
    return " ".join([*words, *(["--untrained"] if any(s.untrained for s in subjects) else [])])
