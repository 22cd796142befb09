"""Results of probes as pages see them: stored, being measured, or missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from dashboard.shared import jobs, resources
from vitcore.probes import IMAGES, SPEED, TEST, Probe
from vitcore.probes.probe import V
from vitcore.probes.scores import find_test
from vitcore.probes.store import Result, Seen, Subject, find, images_for, key_of
from vitcore.runs.folder import Run

MAX_CACHED = 128  # results in memory
SPEED_S = 30.0  # what a measurement of speed takes, half of it to begin
MIN_IMAGES = 100  # fewer take hardly less time

_cached: dict[str, Result[Any]] = {}  # a key names weights, images and settings: its result never changes


@dataclass(frozen=True)
class Measurement(Generic[V]):
    """One probe of one model, or of two at once. `name` says on the progress bar what it is about."""

    probe: Probe[V]
    subjects: Sequence[Subject]
    name: str
    key: str  # of the result and of the job
    count: int  # how many images are asked for
    settings: dict[str, Any]
    result: Result[V] | None = None
    step: jobs.Step | None = None  # how far the job was at the look-up

    @property
    def values(self) -> V | None:
        """Those of the result, else of the images so far."""
        if self.result:
            return self.result.values
        return self.step.values if self.step else None

    @property
    def images(self) -> int:
        """How many images the values are of."""
        if self.result:
            return self.result.images
        return self.step.done if self.step else 0

    @property
    def job(self) -> jobs.Job | None:
        """What measures it now, or how the last attempt ended."""
        return jobs.find(self.key)

    @property
    def running(self) -> bool:
        """Whether it is being measured now, or waits for another measurement to end."""
        return self.result is None and jobs.running(self.key)

    def start(self) -> None:
        """Measure it in the background."""
        jobs.start(self.key, self._steps)

    def _steps(self) -> Iterator[jobs.Step]:
        from vitcore.probes.measure import measure  # imports torch

        # the probe adds the others itself: speed is measured on the first device
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
    """What is known of a probe of these subjects on the images `seen`. Raises `UserError`."""
    key = f"{probe.name}-{key_of(probe, list(subjects), seen, settings)}"
    job = jobs.find(key)  # before the result: a job that ends in between has stored it
    step = job.last if job else None
    result = _find(key, probe, subjects, seen, settings)
    return Measurement(probe, subjects, name, key, count, settings, result, step)


def _find(
    key: str, probe: Probe[V], subjects: Sequence[Subject], seen: Seen, settings: dict[str, Any]
) -> Result[V] | None:
    if key not in _cached and (result := find(probe, list(subjects), seen, settings)):
        while len(_cached) >= MAX_CACHED:
            _cached.pop(next(iter(_cached)), None)
        _cached[key] = result
    return _cached.get(key)


def expected_seconds(missing: Sequence[Measurement]) -> float | None:
    """How long it takes to measure all of them; None where that is unknown."""
    seconds = [_expected(one) for one in missing]
    known = [value for value in seconds if value is not None]
    return sum(known) if len(known) == len(seconds) else None


def _expected(one: Measurement) -> float | None:
    """In proportion to what the probe took on the bundled models of the same architectures, else on the
    bundled ViT and ResNet: by images, pixels and parameters, and by what the architectures' tests took.
    """
    if one.probe is SPEED:
        return SPEED_S
    bundled, runs = resources.bundled(), [subject.run for subject in one.subjects]
    alike = _present([bundled.get(run.config.model) for run in runs])
    standard = _present([bundled.get(model) for model in ("vit", "resnet")[: len(runs)]])
    for base in (alike, standard):
        if not alike or not base or not (stored := _stored(one.probe, base)):
            continue
        pixels = (runs[0].config.image_size / base[0].config.image_size) ** 2
        images = max(one.count, MIN_IMAGES) / stored.images
        return stored.seconds * images * pixels * _size_ratio(runs, alike) * _time_ratio(alike, base)
    return None


def _present(runs: list[Run | None]) -> list[Run]:
    """The runs, if none of them is missing."""
    present = [run for run in runs if run]
    return present if len(present) == len(runs) else []


def _stored(probe: Probe[V], runs: list[Run]) -> Result[V] | None:
    """The result of bundled runs with the default settings."""
    if probe is TEST:
        return find_test(runs[0], TEST.images)  # type: ignore[return-value]  # V is TestScores
    return find(probe, [Subject(run) for run in runs], images_for(runs, IMAGES), probe.settings())


def _size_ratio(runs: list[Run], alike: list[Run]) -> float:
    """The parameters of runs, as a multiple of those of bundled runs of the same architectures."""
    here, there = (sum(resources.parameters(run) or 0 for run in part) for part in (runs, alike))
    return here / there if here and there else 1.0


def _time_ratio(alike: list[Run], base: list[Run]) -> float:
    """How long the tests of bundled runs took, as a multiple of those of other bundled runs."""
    here, there = (
        sum(test.seconds if (test := find_test(run, TEST.images)) else 0.0 for run in part)
        for part in (alike, base)
    )
    return here / there if here and there else 1.0
