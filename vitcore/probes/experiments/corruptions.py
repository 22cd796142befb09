"""Corruptions: accuracy or consistency on images with noise, blur, fog and other common changes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitcore.probes.probe import Outcome, Probe, Settings, View
from vitcore.probes.shapes import Panel
from vitcore.probes.statistics import parts, series, share
from vitcore.probes.values import CurveValues
from vitcore.probes.wording import shares_at

if TYPE_CHECKING:
    import torch
    from torch import nn

# vitcore.analysis.corruptions, which imports torch, has the parameters under the same names
KINDS = ("Gaussian noise", "shot noise", "defocus blur", "fog", "brightness", "contrast", "pixelate", "JPEG")
SEVERITIES = tuple(range(6))  # 0 is the original image
ALL = "mean of all"
FIRST = ("fog", "JPEG")  # next to the mean, because a talk shows the first three panels


class CorruptionValues(CurveValues):
    """Accuracy by severity, for each corruption and as the mean over all.

    Without labels, consistency is in its place.
    """

    names = tuple(f"accuracy, {kind}" for kind in (ALL, *KINDS))
    unlabeled = tuple(f"consistency, {kind}" for kind in (ALL, *KINDS))
    panels = tuple(
        Panel(f"{quantity}, {kind}", title)
        for quantity in ("accuracy", "consistency")
        for kind, title in (
            (ALL, "Mean of all corruptions"),
            *(
                (kind, kind[0].upper() + kind[1:])
                for kind in sorted(KINDS, key=lambda kind: kind not in FIRST)
            ),
        )
    )
    even = True  # a tick for each severity


def measure(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray | None, settings: Settings
) -> Iterator[tuple[int, CorruptionValues]]:
    """Measure corrupted images. The noise of an image is the same for every model."""
    import torch

    from vitcore.analysis.corruptions import corrupted
    from vitcore.analysis.robustness import predict

    hits = np.zeros((len(KINDS), len(SEVERITIES), len(images)), bool)
    quantity = "consistency" if labels is None else "accuracy"
    for part in parts(images):
        samples, count = np.arange(part.start, part.stop), part.stop - part.start
        changed = [corrupted(images[part], kind, step, samples) for kind in KINDS for step in SEVERITIES[1:]]
        classes = predict(model, torch.cat([images[part], *changed])).numpy()
        right = classes[:count] if labels is None else labels[part]
        correct = classes.reshape(-1, count) == right
        hits[:, 0, part] = correct[0]
        hits[:, 1:, part] = correct[1:].reshape(len(KINDS), -1, count)
        done = hits[..., : part.stop]
        curves = {f"{quantity}, {kind}": series(*share(done[i])) for i, kind in enumerate(KINDS)}
        curves[f"{quantity}, {ALL}"] = series(*mean_over_corruptions(done))
        yield part.stop, CorruptionValues(x=list(SEVERITIES), unit="severity", curves=curves)


def mean_over_corruptions(hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean accuracy and its standard error over images. bool [corruptions, severities, n]

    The corruptions share their images, so the error is that of each image's mean over them.
    """
    each = hits.mean(axis=0)  # [severities, n]
    mean, count = each.mean(axis=-1), each.shape[-1]
    return mean, each.std(axis=-1, ddof=1) / math.sqrt(count) if count > 1 else 0 * mean


def finding(outcomes: Sequence[Outcome[CorruptionValues]], view: View) -> str:
    """Return the mean accuracy without and with the strongest corruptions, or else the consistency."""
    over = f"{len(KINDS)} corruptions of severity {SEVERITIES[-1]}"
    clean, worst = (shares_at(outcomes, f"accuracy, {ALL}", severity) for severity in (0, SEVERITIES[-1]))
    if worst:
        return f"Mean accuracy over {over}: {worst}. On the original images: {clean}."
    worst = shares_at(outcomes, f"consistency, {ALL}", SEVERITIES[-1])
    return worst and f"Predictions unchanged, mean over {over}: {worst}."


PROBE = Probe(
    name="corruptions",
    title="Corruptions",
    question="Does accuracy survive noise, blur and fog?",
    method="Each of eight corruptions is applied in the five severities that its authors published: those of "
    "CIFAR-10-C for images up to 32 x 32 pixels, those of ImageNet-C for larger ones. Severity 0 is the "
    "original image. The noise of an image is the same for every model and every measurement. For images "
    "without labels, consistency replaces accuracy: the share of predictions equal to that of the original.",
    formula=(
        r"\bar{a}(s) = \frac{1}{8}\sum_{c=1}^{8} a_c(s), \qquad "
        r"a_c(s) = \frac{1}{n}\sum_{i=1}^{n} [\,\hat{y}(c_s(x_i)) = y_i\,]",
    ),
    notation="$c_s$ is the corruption $c$ of severity $s$. The standard error of the mean is that of each "
    "image's mean over the corruptions, which all use the same images.",
    reading="**Read it** from left to right: the steeper a curve falls, the more the model depends on what "
    "the corruption destroys. Noise adds high frequencies, blur and pixelation remove them, and fog, "
    "brightness and contrast change low ones. Compare how much each model loses from severity 0, not only "
    "the heights of the curves. The steps of one corruption are not equally large, and equal severities of "
    "different corruptions are not equally strong.",
    source="Hendrycks and Dietterich 2019, Benchmarking Neural Network Robustness to Common Corruptions and "
    "Perturbations",
    venue="ICLR",
    needs="classifier",
    values=CorruptionValues,
    steps=measure,
    finding=finding,
    order=36,
    excluded_from_all=True,
)
