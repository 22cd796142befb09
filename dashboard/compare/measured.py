"""The runs on the Compare page with their stored and running measurements, and the panel for missing ones."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.compare.figures import Shown
from dashboard.shared import measurement_panel, measurements, run_look, ticking
from dashboard.shared.measurements import Measurement
from vitcore.errors import UserError
from vitcore.probes import SPEED, TEST
from vitcore.probes.score_values import Speed, TestScores
from vitcore.probes.scores import (
    BUNDLED,
    COMPLETE,
    TestSet,
    complete_here,
    own_folder,
    speed_set,
    speed_settings,
    test_set,
)
from vitcore.probes.store import Result, Subject
from vitcore.runs.classifier import no_classifier
from vitcore.runs.folder import Run

TICK_S = 1.0


@dataclass
class Item:
    """A run and its measurements. `why` is a sentence if it cannot be measured, or else empty."""

    run: Run
    name: str
    color: str
    dash: str
    why: str = ""
    scores: Measurement[TestScores] | None = None
    timing: Measurement[Speed] | None = None

    @property
    def test(self) -> Result[TestScores] | None:
        """The result on the test images, or None if it is missing."""
        return self.scores.result if self.scores else None

    @property
    def speed(self) -> Result[Speed] | None:
        """The speed on this machine, or None if it is missing."""
        return self.timing.result if self.timing else None

    @property
    def tested(self) -> Result[TestScores]:
        """The result on the test images of a run that must have one."""
        assert self.test, f"{self.name} is not tested"
        return self.test

    @property
    def shown(self) -> Shown:
        """The run as figures draw it. It must have a result on the test images."""
        return Shown(html.escape(self.name), self.color, self.dash, self.tested.values)


def named(runs: list[Run]) -> list[Item]:
    """Return the runs with the names and colors of their curves."""
    names, styles = run_look.names(runs), run_look.styles(runs)
    return [Item(run, names[run.id], *styles[run.id]) for run in runs]


def look_up(runs: list[Run], count: int) -> list[Item]:
    """Return the runs with their measurements. `count` is the number of CIFAR-10 test images."""
    items = named(runs)
    for item in items:
        run, name = item.run, item.name
        try:
            if run.weights is None:
                item.why = f"{name} has only curves and no weights to measure."
                continue
            if not run.config.has_classifier:
                item.why = no_classifier(name, "it has no accuracy")
                continue
            subjects, images = [Subject(run)], _tested_on(str(run.path), count)
            item.scores = measurements.look_up(
                TEST, subjects, images, TEST.settings(), count=images.count, name=f"{name}, test"
            )
            item.timing = measurements.look_up(
                SPEED,
                subjects,
                speed_set(run),
                _speed_settings(),
                count=images.count,
                name=f"{name}, speed",
            )
        except UserError as error:
            item.why = f"{name}: {error}"
    return items


@st.cache_data(ttl=10.0, max_entries=64, show_spinner=False)
def _tested_on(path: str, count: int) -> TestSet:
    """Return the test set of a run. Cached briefly, because it counts the files of a folder."""
    return test_set(Run(Path(path)), count)


@st.cache_data(ttl=60.0, show_spinner=False)
def _speed_settings() -> dict:
    return speed_settings()


def alike(items: list[Item]) -> tuple[list[Item], str]:
    """Return the measurable runs that share the images of the first one, and sentences about the others."""
    measurable = [item for item in items if not item.why]
    if not measurable:
        return [], " ".join(item.why for item in items)
    first = measurable[0].run.config
    fits = [item for item in measurable if _kind(item.run) == _kind(measurable[0].run)]
    reasons = [item.why for item in items if item.why]
    if others := [item.name for item in measurable if item not in fits]:
        data = first.data if own_folder(first) else "CIFAR-10"
        verb = "have" if len(others) > 1 else "has"
        reasons.append(
            f"{', '.join(others)} {verb} other classes or another image size than "
            f"{measurable[0].name} ({data})."
        )
    return fits, " ".join(reasons)


def _kind(run: Run) -> tuple:
    """Return what two runs must share to be measured on the same images."""
    config = run.config
    classes = tuple(config.classes) if config.classes else None
    return (
        config.data if own_folder(config) else "cifar10",
        config.image_size,
        own_folder(config) and classes,
    )


def counts(runs: list[Run]) -> tuple[list[int], int]:
    """Return the possible numbers of CIFAR-10 test images, and the initial one.

    The initial one is the complete set if all these runs were measured on it.
    """
    known = [run for run in runs if run.weights and run_look.model_of(run) and run.config.has_classifier]
    on_cifar = [run for run in known if not own_folder(run.config)]
    if not on_cifar:
        return [BUNDLED], BUNDLED
    complete = [item.test is not None for item in look_up(on_cifar, COMPLETE)]
    options = [BUNDLED, COMPLETE] if any(complete) or complete_here() else [BUNDLED]
    return options, COMPLETE if all(complete) else BUNDLED


def missing(items: list[Item], *, speed: bool) -> list[Measurement]:
    """Return the measurements that the runs lack. `speed` includes measurements of speed."""
    probes = [[item.scores for item in items], [item.timing for item in items] if speed else []]
    return [measurement for part in probes for measurement in part if measurement and not measurement.result]


def control(items: list[Item], count: int, *, speed: bool) -> None:
    """Draw the panel of the missing measurements. Draw nothing if none is missing."""
    unmeasured = missing(items, speed=speed)
    if unmeasured:
        ticking.fragment(
            lambda _: measurement_panel.show(
                unmeasured, _about(items, speed), refusal=_refusal(unmeasured, count)
            ),
            lambda: [measurement.key for measurement in unmeasured if measurement.running],
            every_s=TICK_S,
        )


def _about(items: list[Item], speed: bool) -> str:
    """Describe which results are missing, and for which runs."""
    tests = [item.name for item in items if item.scores and not item.test]
    speeds = [item.name for item in items if speed and item.timing and not item.speed]
    parts = {"predictions for the test images": tests, "speed and memory on this machine": speeds}
    return "; ".join(f"{quantity}: {', '.join(names)}" for quantity, names in parts.items() if names)


def _refusal(unmeasured: list[Measurement], count: int) -> str | None:
    """Return why the test images cannot be measured on this machine, or None if they can."""
    test = next((measurement for measurement in unmeasured if measurement.probe is TEST), None)
    if test and count > BUNDLED and not complete_here() and not own_folder(test.subjects[0].run.config):
        return "Complete CIFAR-10 is not on this machine: `python -m vitcore data cifar10` downloads it."
    return None
