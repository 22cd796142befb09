"""What is known of the runs on the page Compare: stored scores, measurements under way, a button for more."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.compare.figures import Shown
from dashboard.drawing import theme
from dashboard.shared import measuring, resources, run_curves, selection
from vitcore.errors import UserError
from vitcore.probes import SPEED, TEST, Probe
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
from vitcore.probes.store import Result, Subject, find, key_of
from vitcore.runs.folder import Run

TICK_S = 1.0
KEPT = 128  # results held in memory
SLOW_S = 30  # what a measurement of speed takes, half of it to begin
UNKNOWN_S = 60

_found: dict[str, Result] = {}  # a key names weights, images and settings: what it found does not change


@dataclass
class Item:
    """A run and what is known of it. `why`: a sentence where it cannot be measured."""

    run: Run
    name: str
    color: str
    dash: str
    why: str = ""
    test: Result[TestScores] | None = None
    speed: Result[Speed] | None = None
    test_key: str = ""
    speed_key: str = ""

    @property
    def shown(self) -> Shown:
        """For a figure."""
        return Shown(html.escape(self.name), self.color, self.dash, self.test.values)


def named(runs: list[Run]) -> list[Item]:
    """The runs with the names and colors that they have in the curves."""
    titles = [run.title for run in runs]
    styles = theme.run_styles([run_curves.model_of(run) for run in runs])
    return [
        Item(run, run.title if titles.count(run.title) == 1 else selection.label_of(run), *style)
        for run, style in zip(runs, styles, strict=True)
    ]


def look_up(runs: list[Run], count: int) -> list[Item]:
    """Everything stored of the runs; `count` test images of CIFAR-10."""
    items = named(runs)
    for item in items:
        run, name = item.run, item.name
        try:
            if run.weights is None:
                item.why = f"{name} has curves alone, no weights to measure."
                continue
            item.test_key, item.test = _find(TEST, run, _tested_on(str(run.path), count), TEST.settings())
            item.speed_key, item.speed = _find(SPEED, run, speed_set(run), _speed_settings())
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


def _find(probe: Probe, run: Run, seen: TestSet, settings: dict) -> tuple[str, Result | None]:
    key = f"{probe.name}-{key_of(probe, [Subject(run)], seen, settings)}"
    if key not in _found and (result := find(probe, [Subject(run)], seen, settings)):
        while len(_found) >= KEPT:
            _found.pop(next(iter(_found)))
        _found[key] = result
    return key, _found.get(key)


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
        verb = "know" if len(others) > 1 else "knows"
        said.append(
            f"{', '.join(others)} {verb} other classes or sizes of images than {able[0].name} ({data})."
        )
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


# --- measuring -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Missing:
    """A probe of a run that was not measured; the key is the result's and the job's."""

    key: str
    probe: Probe
    item: Item


def missing(items: list[Item], *, speed: bool) -> list[Missing]:
    """What the runs lack; `speed`: that, too."""
    lacks = [Missing(i.test_key, TEST, i) for i in items if not i.why and not i.test]
    lacks += [Missing(i.speed_key, SPEED, i) for i in items if speed and not i.why and not i.speed]
    return lacks


def control(lacks: list[Missing], count: int) -> None:
    """What is not measured: a button; how far it is, and Cancel; or why it failed. Nothing where all is."""
    if lacks:
        tasks = [_task(one, count) for one in lacks]
        busy = sum(task.busy for task in tasks)
        st.fragment(_control, run_every=TICK_S if busy else None)(lacks, tasks, count, busy)


def _task(one: Missing, count: int) -> measuring.Task:
    def steps() -> Iterator:
        from vitcore.probes.measure import measure

        return measure(one.probe, [Subject(one.item.run)], count)

    return measuring.Task(one.key, f"{one.item.name}, {one.probe.title.lower()}", steps)


def _control(lacks: list[Missing], tasks: list[measuring.Task], count: int, before: int) -> None:
    busy = [task for task in tasks if task.busy]
    if len(busy) < before:
        st.rerun()  # something is done: the page draws it
    if busy:
        measuring.progress(busy)
        return
    parts = []
    for probe, words in ((TEST, "answers to the test images"), (SPEED, "speed and memory here")):
        if names := [one.item.name for one in lacks if one.probe is probe]:
            parts.append(f"{words}: {', '.join(names)}")
    tests = [one for one in lacks if one.probe is TEST]
    why = None
    if tests and count > BUNDLED and not complete_here() and not own_folder(tests[0].item.run.config):
        why = "Complete CIFAR-10 is not on this machine: `python -m vitcore data cifar10` downloads it."
    seconds = sum(_estimate(one, count) for one in lacks)
    measuring.offer(tasks, "; ".join(parts), seconds=seconds, why=why)


def _estimate(one: Missing, count: int) -> float:
    """Seconds, from what the bundled model of the architecture took: as images, their size and parameters."""
    if one.probe is SPEED:
        return SLOW_S
    run = one.item.run
    like = resources.bundled().get(run.config.model)
    known = look_up([like], BUNDLED)[0].test if like else None
    if not known:
        return UNKNOWN_S
    size = (resources.parameters(run) or 0) / known.values.parameters
    pixels = (run.config.image_size / like.config.image_size) ** 2
    return known.seconds * size * pixels * max(count, 100) / known.images
