"""What is known of the runs on the page Compare: stored scores, measurements under way, a button for more."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.compare.figures import Shown
from dashboard.drawing import theme
from dashboard.shared import measurement_panel, measurements, run_curves, selection, ticking
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
from vitcore.runs.folder import Run

TICK_S = 1.0


@dataclass
class Item:
    """A run and what is known of it. `why`: a sentence where it cannot be measured."""

    run: Run
    name: str
    color: str
    dash: str
    why: str = ""
    scores: Measurement[TestScores] | None = None
    timing: Measurement[Speed] | None = None

    @property
    def test(self) -> Result[TestScores] | None:
        """What was found on the test images."""
        return self.scores.result if self.scores else None

    @property
    def speed(self) -> Result[Speed] | None:
        """How fast it is on this machine."""
        return self.timing.result if self.timing else None

    @property
    def tested(self) -> Result[TestScores]:
        """The same of a run that is known to be tested."""
        assert self.test, f"{self.name} is not tested"
        return self.test

    @property
    def shown(self) -> Shown:
        """For a figure of a run that is known to be tested."""
        return Shown(html.escape(self.name), self.color, self.dash, self.tested.values)


def named(runs: list[Run]) -> list[Item]:
    """The runs with the names and colors that they have in the curves."""
    titles = [run.title for run in runs]
    styles = theme.run_styles([run_curves.model_of(run) for run in runs])
    return [
        Item(run, run.title if titles.count(run.title) == 1 else selection.run_label(run), *style)
        for run, style in zip(runs, styles, strict=True)
    ]


def look_up(runs: list[Run], count: int) -> list[Item]:
    """Everything stored of the runs; `count` test images of CIFAR-10."""
    items = named(runs)
    for item in items:
        run, name = item.run, item.name
        try:
            if run.weights is None:
                item.why = f"{name} has only curves and no weights, so it cannot be measured."
                continue
            subjects, images = [Subject(run)], _tested_on(str(run.path), count)
            item.scores = measurements.look_up(
                TEST, subjects, images, TEST.settings(), count=count, name=f"{name}, test"
            )
            item.timing = measurements.look_up(
                SPEED, subjects, speed_set(run), _speed_settings(), count=count, name=f"{name}, speed"
            )
        except UserError as error:
            item.why = f"{name}: {error}"
    return items


@st.cache_data(ttl=10.0, max_entries=64, show_spinner=False)
def _tested_on(path: str, count: int) -> TestSet:
    """Cached for a moment: a folder's files are counted for it."""
    return test_set(Run(Path(path)), count)


@st.cache_data(ttl=60.0, show_spinner=False)
def _speed_settings() -> dict:
    return speed_settings()


def alike(items: list[Item]) -> tuple[list[Item], str]:
    """The measurable runs that see the same images as the first of them; and a sentence on the others."""
    able = [item for item in items if not item.why]
    if not able:
        return [], " ".join(item.why for item in items)
    first = able[0].run.config
    fits = [item for item in able if _kind(item.run) == _kind(able[0].run)]
    said = [item.why for item in items if item.why]
    if others := [item.name for item in able if item not in fits]:
        data = first.data if own_folder(first) else "CIFAR-10"
        verb = "have" if len(others) > 1 else "has"
        said.append(f"{', '.join(others)} {verb} other classes or image sizes than {able[0].name} ({data}).")
    return fits, " ".join(said)


def _kind(run: Run) -> tuple:
    config = run.config
    classes = tuple(config.classes) if config.classes else None
    return (
        config.data if own_folder(config) else "cifar10",
        config.image_size,
        own_folder(config) and classes,
    )


def counts(runs: list[Run]) -> tuple[list[int], int]:
    """How many test images of CIFAR-10 can be asked for, and how many are at first: the complete set where
    all these runs were measured on it.
    """
    on_cifar = [
        run for run in runs if run.weights and run_curves.model_of(run) and not own_folder(run.config)
    ]
    if not on_cifar:
        return [BUNDLED], BUNDLED
    there = [item.test is not None for item in look_up(on_cifar, COMPLETE)]
    options = [BUNDLED, COMPLETE] if any(there) or complete_here() else [BUNDLED]
    return options, COMPLETE if all(there) else BUNDLED


def missing(items: list[Item], *, speed: bool) -> list[Measurement]:
    """The measurements that the runs lack; `speed`: those of speed, too."""
    probes = [[item.scores for item in items], [item.timing for item in items] if speed else []]
    return [one for part in probes for one in part if one and not one.result]


def control(items: list[Item], count: int, *, speed: bool) -> None:
    """The panel of what is missing; nothing if all is measured."""
    lacks = missing(items, speed=speed)
    if lacks:
        ticking.fragment(
            lambda _: measurement_panel.show(lacks, _about(items, speed), refusal=_refusal(lacks, count)),
            lambda: [one.key for one in lacks if one.running], every_s=TICK_S,
        )  # fmt: skip


def _about(items: list[Item], speed: bool) -> str:
    """What is missing, of which runs."""
    tests = [item.name for item in items if item.scores and not item.test]
    speeds = [item.name for item in items if speed and item.timing and not item.speed]
    parts = {"predictions for the test images": tests, "speed and memory on this machine": speeds}
    return "; ".join(f"{words}: {', '.join(names)}" for words, names in parts.items() if names)


def _refusal(lacks: list[Measurement], count: int) -> str | None:
    """Why the missing test images cannot be measured here."""
    test = next((one for one in lacks if one.probe is TEST), None)
    if test and count > BUNDLED and not complete_here() and not own_folder(test.subjects[0].run.config):
        return "Complete CIFAR-10 is not on this machine: `python -m vitcore data cifar10` downloads it."
    return None
