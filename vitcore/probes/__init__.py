"""Probes: experiments of `vitcore.analysis` on trained models, with progress, error bars and stored results.

This file is the catalog and does not import torch. It lists the experiments, one file each in `experiments`,
the scores that the page Compare shows, and the probe of attention heads for the page Attention. `measure`
produces results, `store` saves them, and `table` prints them.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import Any

from vitcore.errors import UserError
from vitcore.probes.experiments import discover
from vitcore.probes.heads import HEADS
from vitcore.probes.live import LiveImage
from vitcore.probes.probe import IMAGES, Outcome, Probe, View
from vitcore.probes.score_values import Speed, TestScores

__all__ = [
    "EVERY",
    "HEADS",
    "IMAGES",
    "PROBES",
    "SCORES",
    "SPEED",
    "TEST",
    "LiveImage",
    "Outcome",
    "Probe",
    "View",
    "find_probe",
]

PROBES: dict[str, Probe[Any]] = discover()


def _measure_scores(*args: Any, **kwargs: Any) -> Iterator[Any]:
    from vitcore.probes.scoring import measure_scores

    return measure_scores(*args, **kwargs)


TEST = Probe(
    name="test",
    title="Test",
    question="How accurate is the model, on which classes, and how well calibrated?",
    method="Accuracy on test images and on some training images, both without augmentation; confusion "
    "matrix, accuracy per class, calibration (torchmetrics) and the prediction for every image. For more "
    "than 1,000 images, the probe uses all 10,000 test images of CIFAR-10, which must be on this machine.",
    source="Guo et al. 2017, On Calibration of Modern Neural Networks",
    steps=_measure_scores,
    values=TestScores,
    custom=True,
    images=1000,
)
SPEED = Probe(
    name="speed",
    title="Speed",
    question="How fast are inference and training, and how much memory do they need?",
    method="Both are measured on the first device of this machine, each in a separate process. Inference: "
    "the median of up to 50 batches of random pixels. Training: the median of twenty steps (fewer if they "
    "take over half a minute) with the run's own batches, augmentation and optimizer, on its images or, "
    "without complete CIFAR-10, on the bundled ones.",
    steps=_measure_scores,
    values=Speed,
    custom=True,
    images=1,
    needs="images",
    version=2,
    choices={"batch": (128, 1, 32, 512)},
)
SCORES: dict[str, Probe[Any]] = {probe.name: probe for probe in (TEST, SPEED)}
EVERY: Mapping[str, Probe[Any]] = ChainMap({HEADS.name: HEADS}, SCORES, PROBES)  # iterates in reverse


def find_probe(name: str) -> Probe:
    """Return the probe with this name. Raise `UserError` if there is none."""
    if name not in EVERY:
        raise UserError(f"Unknown probe {name!r}: choose one of {', '.join(EVERY)}.")
    return EVERY[name]
