"""The results of probes for the pages: stored, being measured, or missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from dashboard.shared import jobs, resources
from vitcore.probes import SPEED, TEST, Probe
from vitcore.probes.probe import V
from vitcore.probes.scores import find_test
from vitcore.probes.store import Result, Seen, Subject, find, images_of, key_of
from vitcore.runs.folder import Run

MAX_CACHED = 128  # results in memory
SPEED_S = 30.0  # duration of a measurement of speed, half of which is the start of its process
STEM_STRIDE = 4  # of the ResNets of ImageNet: a convolution and a pooling, each with stride 2

_cached: dict[str, Result[Any]] = {}  # a key covers weights, images and settings: results never change


@dataclass(frozen=True)
class Measurement(Generic[V]):
    """One probe of one model, or of two at once. The progress bar shows `name`."""

    probe: Probe[V]
    subjects: Sequence[Subject]
    name: str
    key: str  # of the result and of the job
    count: int  # number of images to measure
    settings: dict[str, Any]
    result: Result[V] | None = None
    step: jobs.Step | None = None  # progress of the job when it was looked up

    @property
    def values(self) -> V | None:
        """The values of the result, or else of the images measured so far."""
        if self.result:
            return self.result.values
        return self.step.values if self.step else None

    @property
    def images(self) -> int:
        """The number of images behind the values."""
        if self.result:
            return self.result.images
        return self.step.done if self.step else 0

    @property
    def can_be_measured(self) -> bool:
        """Whether the weights of all its models are here."""
        return all(subject.can_be_measured for subject in self.subjects)

    @property
    def job(self) -> jobs.Job | None:
        """The active job, or else the last one."""
        return jobs.find(self.key)

    @property
    def running(self) -> bool:
        """Whether it is being measured, or waits for another measurement to end."""
        return self.result is None and jobs.running(self.key)

    def start(self) -> None:
        """Measure it in the background. Raise `UserError` in read-only mode."""
        jobs.start(self.key, self._steps)

    def _steps(self) -> Iterator[jobs.Step]:
        from vitcore.probes.measure import measure  # imports torch

        # the probe sets the other settings itself, such as the device of a measurement of speed
        chosen = {name: value for name, value in self.settings.items() if name in self.probe.choices}
        return measure(self.probe, list(self.subjects), self.count, chosen)


def look_up(
    probe: Probe[V],
    subjects: Sequence[Subject],
    seen: Seen,
    settings: dict[str, Any],
    *,
    count: int,
    name: str,
) -> Measurement[V]:
    """Return the measurement of these subjects on the images `seen`, with its result or its progress.

    `count` is the number of these images. Raise `UserError`.
    """
    key = f"{probe.name}-{key_of(probe, list(subjects), seen, settings)}"
    job = jobs.find(key)  # before the result, which a job stores before it ends
    step = job.last if job else None
    result = _find(key, probe, subjects, seen, settings)
    return Measurement(probe, subjects, name, key, count, settings, result, step)


def _find(
    key: str, probe: Probe[V], subjects: Sequence[Subject], seen: Seen, settings: dict[str, Any]
) -> Result[V] | None:
    result = _cached.get(key)
    if result is None and (result := find(probe, list(subjects), seen, settings)):
        for old in list(_cached)[: max(0, len(_cached) - MAX_CACHED + 1)]:
            _cached.pop(old, None)
        _cached[key] = result
    return result


def expected_seconds(missing: Sequence[Measurement]) -> float | None:
    """Return how many seconds it takes to measure all of them, or None if that is unknown."""
    seconds = [_expected(measurement) for measurement in missing]
    known = [value for value in seconds if value is not None]
    return sum(known) if len(known) == len(seconds) else None


def _expected(measurement: Measurement) -> float | None:
    """Scale the time of a stored result of the same probe.

    The result is that of the bundled models of the same architectures, or else of the bundled ViT and
    ResNet. The time is in proportion to the images that there are, and to the parameters, each as often as it
    is applied to an image. Between architectures, it is also in proportion to the time of their tests.
    """
    if measurement.probe is SPEED:
        return SPEED_S
    bundled, runs = resources.bundled(), [subject.run for subject in measurement.subjects]
    alike = _if_complete([bundled.get(run.config.model) for run in runs])
    standard = _if_complete([bundled.get(model) for model in ("vit", "resnet")[: len(runs)]])
    for base in (alike, standard):
        if not alike or not base or not (stored := _stored(measurement.probe, base)):
            continue
        images = measurement.count / stored.images
        return stored.seconds * images * _cost_ratio(runs, alike) * _time_ratio(alike, base)
    return None


def _places(run: Run) -> float:
    """Return to how many patches, or else pixels, of an image the parameters of a model are applied."""
    options = run.config.options
    stride = STEM_STRIDE if options.get("stem") == "7x7" else options.get("patch_size", 1)
    return (run.config.image_size / stride) ** 2


def _if_complete(runs: list[Run | None]) -> list[Run]:
    """Return the runs if none of them is missing, or else an empty list."""
    present = [run for run in runs if run]
    return present if len(present) == len(runs) else []


def _stored(probe: Probe[V], runs: list[Run]) -> Result[V] | None:
    """Return the stored result of bundled runs with the default settings."""
    if probe is TEST:
        return find_test(runs[0], TEST.images)  # type: ignore[return-value]  # V is TestScores
    return find(probe, [Subject(run) for run in runs], images_of(probe, runs, probe.images), probe.settings())


def _cost_ratio(runs: list[Run], alike: list[Run]) -> float:
    """Return how many times the computation of bundled runs of the same architectures `runs` need.

    The computation is that of parameters times places. Without the weights of a run, its number of parameters
    is assumed to be that of the bundled run.
    """
    own = needed = 0.0
    for run, like in zip(runs, alike, strict=True):
        usual = resources.parameters(like) or 1
        own += (resources.parameters(run) or usual) * _places(run)
        needed += usual * _places(like)
    return own / needed


def _time_ratio(alike: list[Run], base: list[Run]) -> float:
    """Return how many times as long the tests of `alike` took as those of `base`. Both are bundled runs."""
    alike_s, base_s = (
        sum(test.seconds if (test := find_test(run, TEST.images)) else 0.0 for run in part)
        for part in (alike, base)
    )
    return alike_s / base_s if alike_s and base_s else 1.0
