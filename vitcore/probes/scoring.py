"""Measure the probes `test` and `speed` step by step."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from vitcore.analysis.attention import as_input
from vitcore.analysis.comparison import evaluate_logits, multiply_adds
from vitcore.child import Child, ChildFailed
from vitcore.config import Config
from vitcore.data.augment import subset
from vitcore.data.datasets import CLASSES, dataset_for, load_dataset, seeded_split, split_indices
from vitcore.errors import UserError
from vitcore.models import count_parameters
from vitcore.models.evaluate import batch_for
from vitcore.paths import assets_dir, check_allowed
from vitcore.probes import SPEED, Probe
from vitcore.probes.measure import Partial, concluded, model_of
from vitcore.probes.score_values import Speed, TestScores
from vitcore.probes.scores import (
    SCALE,
    TRAINING,
    complete_here,
    own_folder,
    speed_set,
    speed_settings,
    test_images,
    test_set,
)
from vitcore.probes.store import Images, Subject, find, keep, pick

TICK_S = 0.2
LIMIT_S = 300  # of each process that measures speed


def measure_scores(
    probe: Probe,
    subjects: list[Subject],
    images: int,
    settings: dict[str, Any],
    root: str | Path | None = None,
    *,
    with_run: bool = False,
    command: str = "",
) -> Iterator[Partial]:
    """Measure one model, as `vitcore.probes.measure.measure` does: its test predictions or its speed.

    Raise `UserError` when the images are unavailable or the measurement fails, and in read-only mode unless
    the result is stored already.
    """
    (subject,) = subjects
    if probe is SPEED:
        seen, settings = speed_set(subject.run), speed_settings(settings)
    else:
        seen = test_set(subject.run, images)
    stored = find(probe, subjects, seen, settings, root)
    if stored and not with_run:
        yield Partial(stored.images, stored.images, stored.values, stored)
        return
    check_allowed()
    began, values = time.time(), None
    yield Partial(0, seen.count, None)
    steps = _speed(subject, settings) if probe is SPEED else _test(subject, images)
    for done, total, latest in steps:
        values = latest
        yield Partial(done, total, None)
    data = "random pixels" if probe is SPEED else f"test images of {seen.name}"
    result = concluded(
        probe, subjects, seen.count, settings, data, seen.count, values, began=began, command=command
    )
    keep(result, probe, subjects, seen, root, with_run=with_run)
    yield Partial(seen.count, seen.count, values, result)


def _test(subject: Subject, count: int) -> Iterator[tuple[int, int, TestScores | None]]:
    """Yield (images done, total, None), then (total, total, values), over test and training images."""
    config = subject.run.config
    test, training = test_images(config, count), training_images(config, count)
    model = model_of(subject)
    total = len(test.labels) + (len(training.labels) if training else 0)
    outputs, done = [], 0
    for part in (test, training):
        logits = []
        if part is None:
            outputs.append(None)
            continue
        for index in np.array_split(np.arange(len(part.labels)), _batches(part)):
            with torch.inference_mode():
                logits.append(model(as_input(torch.from_numpy(part.pixels[index]), model)).float())
            done += len(index)
            yield done, total, None
        outputs.append(torch.cat(logits))
    yield done, total, _values(config, model, test, training, *outputs)


def _batches(images: Images) -> int:
    """Return the number of batches, each about a fifth of a validation batch.

    They are small so that a canceled measurement ends soon.
    """
    return -(-len(images.labels) // max(1, batch_for(images.pixels.shape[-1]) // 5))


def _values(
    config: Config,
    model: nn.Module,
    test: Images,
    training: Images | None,
    logits: torch.Tensor,
    trained: torch.Tensor | None,
) -> TestScores:
    probabilities = logits.softmax(dim=1).nan_to_num()
    truth = torch.from_numpy(test.labels)
    values: dict[str, Any] = {
        "classes": list(config.classes or CLASSES),
        **evaluate_logits(logits, truth),
        "parameters": count_parameters(model),
        "multiply_adds": multiply_adds(model, config.image_size),
        "training": None,
        "truth": test.labels.tolist(),
        "predicted": probabilities.argmax(dim=1).tolist(),
        "confidence": _scaled(probabilities.max(dim=1).values),
        "truth_probability": _scaled(probabilities.gather(1, truth[:, None])[:, 0]),
    }
    if training and trained is not None:
        scores = evaluate_logits(trained, torch.from_numpy(training.labels))
        values["training"] = {
            "accuracy": scores["accuracy"],
            "loss": scores["loss"],
            "images": len(training.labels),
        }
    return TestScores.model_validate(values)


def _scaled(shares: torch.Tensor) -> list[int]:
    return (SCALE * shares).round().int().tolist()


def training_images(config: Config, count: int) -> Images | None:
    """Return images that a run was trained on, or None if they are not on this machine.

    There are as many as test images, but at most `TRAINING`, taking the classes in turn. For a run on all of
    CIFAR-10, they are those of the bundled images that it was trained on.
    """
    data = load_dataset("cifar10-mini") if config.data == "cifar10" else dataset_for(config)
    if config.data != "cifar10":
        own = split_indices(data)[0]
        own = own[subset(data.train.labels[own], config.train_share, config.seed)]
    elif config.train_share < 1:
        if not complete_here():
            return None
        data = load_dataset("cifar10", download=False)
        own = split_indices(data)[0]
        own = own[subset(data.train.labels[own], config.train_share, config.seed)]
    else:
        own = _bundled_training()
    size = len(data.test) if own_folder(config) else count
    return pick(data, min(size, count, TRAINING), part=own)


def _bundled_training() -> np.ndarray:
    """Return the indices in cifar10-mini's 4,000 images that belong to the training split of CIFAR-10."""
    info = json.loads((assets_dir() / "cifar10-mini" / "labels.json").read_text(encoding="utf-8"))
    trained = np.zeros(50_000, bool)
    trained[seeded_split(50_000)[0]] = True
    return np.flatnonzero(trained[np.array(info["train_index"])])


def _speed(subject: Subject, settings: dict[str, Any]) -> Iterator[tuple[int, int, Speed | None]]:
    """Measure inference, then some steps of the run's own training.

    Each runs in its own process, so that the memory of the process is that of the measurement.
    """
    if subject.untrained:
        raise UserError("An untrained model is as fast as a trained one: leave out --untrained.")
    kind, batch, run = settings["device"].split(":")[0], settings["batch"], subject.run
    try:
        values = yield from _outcome("vitcore.probes.speed", str(run.path), str(batch), kind)
    except ChildFailed as error:
        problem = str(error).rstrip(".")
        raise UserError(f"The speed of {run.id} could not be measured ({problem}): try again.") from None
    config = run.config
    data = "cifar10-mini" if config.data == "cifar10" and not complete_here() else config.data
    here = ("--data", data, "--device", kind, "--devices", "1", "--nodes", "1")
    values["training"] = None
    try:
        rehearsal = yield from _outcome(
            "vitcore", "rehearse", "--json", "--config", str(run.path / "config.yaml"), *here
        )
    except ChildFailed as error:  # its images are not on this machine, or its batches need too much memory
        values["no_training"] = str(error).rstrip(".")
    else:
        kept = ("images_per_s", "memory_bytes", "counted", "others")
        values["training"] = {"data": data, "batch": config.batch_size, **{k: rehearsal[k] for k in kept}}
    yield 0, 0, Speed.model_validate(values)


def _outcome(module: str, *arguments: str) -> Generator[tuple[int, int, None], None, dict[str, Any]]:
    """Run a command in a child process and return its JSON. Raise `UserError` when it fails."""
    child = Child(
        module,
        *arguments,
        name="Measuring the speed",
        limit_s=LIMIT_S,
        advice="close other programs and try again",
    )
    for _ in child.ticks(TICK_S):
        yield 0, 0, None
    return child.result()
