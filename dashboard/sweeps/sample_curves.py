"""Sweeps over shares of the training images, and the points of the bundled ones.

Imports no figures, because the Overview page loads this module when it starts.
"""

from __future__ import annotations

import math

from dashboard.shared import resources
from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.runs.folder import Run, bundled_runs
from vitcore.sweeps.results import SamplePoint, sample_curve
from vitcore.sweeps.sweep import Sweep, find_sweeps

FEW_PASSES = 10  # over the images, after which more steps still help


def sweeps() -> list[Sweep]:
    """Return the sweeps over shares of the training images, the bundled one first."""
    return sorted(_sample_sweeps(resources.runs()), key=lambda sweep: not sweep.bundled)


def _sample_sweeps(runs: list[Run]) -> list[Sweep]:
    return [sweep for sweep in find_sweeps(runs) if sweep.kind == "samples"]


def bundled_points() -> list[SamplePoint]:
    """Return the finished points of the first bundled sweep, or none without two curves of two points."""
    sweep = next(iter(_sample_sweeps(bundled_runs())), None)
    done = _finished(sweep) if sweep else []
    models = [p["model"] for p in done]
    return done if sum(models.count(name) > 1 for name in set(models)) > 1 else []


def widest() -> Sweep | None:
    """Return the bundled sweep with the most finished lines, the first of several, or None."""

    def lines(sweep: Sweep) -> int:
        return len({point["label"] for point in _finished(sweep)})

    return max(_sample_sweeps(bundled_runs()), key=lines, default=None)


def widest_points() -> list[SamplePoint]:
    """Return the finished points of the bundled sweep with the most lines."""
    sweep = widest()
    return _finished(sweep) if sweep else []


def plain_alike(points: list[SamplePoint]) -> list[SamplePoint]:
    """Return one point for each architecture that `points` of one share lack, trained like these.

    They are from any other sweep with the same share of the same images, recipe, steps and batch size.
    """
    if not points:
        return []

    def training(point: SamplePoint) -> tuple:
        return tuple(point[name] for name in ("data", "recipe", "share", "steps", "batch_size"))

    known, found = {point["label"] for point in points}, {}
    for sweep in sweeps():
        for point in _finished(sweep):
            plain = point["label"] == ARCHITECTURES[point["model"]].label
            if plain and point["label"] not in known and training(point) == training(points[0]):
                found.setdefault(point["label"], point)
    return list(found.values())


def _finished(sweep: Sweep) -> list[SamplePoint]:
    return [p for p in sample_curve(sweep.runs) if p["mean"] is not None and p["images"]]


def step_limit(points: list[SamplePoint]) -> str:
    """Return a sentence if more images do not help any line because the steps are too few to see them often.

    That is the case if the training saw the largest share fewer than `FEW_PASSES` times, and from a smaller
    share up to it no line gains more than two standard errors of the difference. Two seeds can agree by
    chance, so the standard error over the test images counts where it is larger.
    """
    lines: dict[str, dict[float, SamplePoint]] = {}
    for point in points:
        if point["mean"] is not None:
            lines.setdefault(point["label"], {})[point["share"]] = point
    shares = sorted({share for line in lines.values() for share in line})
    for share in shares[:-1]:
        ends = [
            (line[share], line[shares[-1]]) for line in lines.values() if {share, shares[-1]} <= set(line)
        ]
        seen = [passes(last) for _, last in ends]
        if not ends or not all(0 < one < FEW_PASSES for one in seen) or any(_gains(*end) for end in ends):
            continue
        last = ends[0][1]
        return (
            f"From {numbers.chosen_share(share)} of the images on, no line gains more than two standard "
            f"errors. {last['steps']:,} steps of {last['batch_size']} images show each of the "
            f"{last['images']:,} images only {seen[0]:.1f} times: here the steps are the limit, not the "
            "images."
        )
    return ""


def passes(point: SamplePoint) -> float:
    """Return how often a training saw each image, or 0 if that is unknown."""
    if not point["steps"] or not point["images"]:
        return 0.0
    return point["steps"] * point["batch_size"] / point["images"]


def _gains(first: SamplePoint, last: SamplePoint) -> bool:
    """Return whether a line rises by more than two standard errors of the difference."""
    apart = (last["mean"] or 0.0) - (first["mean"] or 0.0)
    return apart > 2 * math.hypot(_error(first), _error(last))


def _error(point: SamplePoint) -> float:
    """Return the standard error over the seeds, or over the test images if that is larger."""
    mean = point["mean"] or 0.0
    of_images = math.sqrt(mean * (1 - mean) / point["n_test"]) if point["n_test"] else 0.0
    return max(point["error"] or 0.0, of_images)


def about(points: list[SamplePoint]) -> str:
    """Describe in a sentence what was measured."""
    steps, batch = points[0]["steps"], points[0]["batch_size"]
    seeds = sorted({len(p["seeds"]) for p in points})
    repeats = (
        f"{seeds[0]} seeds" if seeds == [2] else ("one run each" if seeds == [1] else "one or two seeds")
    )
    return (
        f"after {steps:,} steps of {batch} images, regardless of the number of training images ({repeats}, "
        f"{numbers.sample(points[0]['n_test'] or 0)}, bars are one standard error)"
    )
