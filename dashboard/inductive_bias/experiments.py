"""The experiments of the page Inductive bias: what was measured; what was not, measured here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.components import figure_files
from dashboard.drawing.markdown import sentence
from dashboard.inductive_bias.experiment_figures import border, figures_of, lines_of
from dashboard.inductive_bias.findings import finding
from dashboard.shared import jobs, measuring, resources
from vitcore.errors import UserError
from vitcore.probes import IMAGES, TEST, Probe
from vitcore.probes.scores import find_test
from vitcore.probes.store import Images, Result, Subject, find, images_for, key_of
from vitcore.probes.table import as_csv
from vitcore.runs.folder import Run

TICK_S = 0.7
COUNTS = (100, 500, 1000)


@dataclass
class Measured:
    """One group of subjects (two for a pair) and what is known of it."""

    subjects: list[Subject]
    key: str
    result: Result | None
    job: jobs.Job | None

    @property
    def values(self) -> dict[str, Any] | None:
        """Of the result, else of the images so far."""
        if self.result:
            return self.result.values
        return self.job.last.values if self.job and self.job.last else None

    @property
    def images(self) -> int:
        """How many the values are of."""
        if self.result:
            return self.result.images
        return self.job.last.done if self.job and self.job.last else 0

    @property
    def busy(self) -> bool:
        return bool(self.job and not self.job.over and not self.result)


def look_up(
    probe: Probe, runs: list[Run], images: Images, settings: dict[str, Any], *, untrained: bool
) -> list[Measured]:
    """Everything that the chosen runs need for a probe, in the order of drawing. Raises `UserError`."""
    states = (False, True) if untrained else (False,)
    if probe.pair:
        groups = [[Subject(run, state) for run in runs] for state in states]
    else:
        groups = [[Subject(run, state)] for state in states for run in dict.fromkeys(runs)]
    found = []
    for subjects in groups:
        key = f"{probe.name}-{key_of(probe, subjects, images, settings)}"
        found.append(Measured(subjects, key, find(probe, subjects, images, settings), jobs.find(key)))
    return found


def _task(probe: Probe, m: Measured, count: int, settings: dict[str, Any]) -> measuring.Task:
    def steps() -> Iterator:
        from vitcore.probes.measure import measure

        return measure(probe, m.subjects, count, settings)

    return measuring.Task(m.key, " and ".join(dict.fromkeys(s.label for s in m.subjects)), steps)


def panel(probe: Probe, runs: list[Run], count: int, *, untrained: bool) -> None:
    """The experiment's settings, its measured curves, and the button that measures what is missing."""
    settings = {}
    for name, options in probe.choices.items():
        chosen = st.segmented_control(
            name.capitalize(),
            options,
            default=options[0],
            key=f"set_{name}",
            bind="query-params",
            required=True,
        )
        settings[name] = chosen
    try:
        images = images_for(runs, count)
        busy = any(m.busy for m in look_up(probe, runs, images, settings, untrained=untrained))
    except UserError as error:
        st.error(sentence(error))
        return
    body = st.fragment(_body, run_every=TICK_S if busy else None)
    body(probe, runs, images, count, settings, untrained, busy)


def _body(
    probe: Probe, runs: list[Run], images: Images, count: int, settings: dict, untrained: bool, busy: bool
) -> None:
    found = look_up(probe, runs, images, settings, untrained=untrained)
    if busy and not any(m.busy for m in found):
        st.rerun()  # the ticking ends
    known = [m for m in found if m.values]
    if known:
        whole = [line for m, line in zip(known, lines_of(known), strict=True) if m.result]
        words = finding(probe.name, whole, border())
        if words:  # nothing is found on the first ten images
            st.markdown(words)
        for i, drawn in enumerate(figures_of(probe, known, border())):
            if drawn.head:
                st.markdown(drawn.head)
            alt = drawn.alt if i else f"{drawn.alt} {words}".strip()
            figure_files.show(drawn.figure, key=f"{probe.name}{i}", alt=alt)
            if drawn.foot:
                st.caption(drawn.foot)
    _state(probe, found, count, settings, len(images.labels))


def _state(probe: Probe, found: list[Measured], count: int, settings: dict, total: int) -> None:
    """What the numbers are; or how far they are, with Cancel; or a button that measures them."""
    missing = [m for m in found if not m.result]
    tasks = [_task(probe, m, count, settings) for m in missing]
    if any(m.busy for m in missing):
        measuring.progress([task for task in tasks if task.busy])
        return
    if missing:
        names = ", ".join(task.name for task in tasks)
        times = [_seconds(probe, m.subjects, total) for m in missing]
        seconds = None if None in times else sum(times)
        measuring.offer(tasks, f"{names}, with these weights and {total:,} images", seconds=seconds)
    if results := [m.result for m in found if m.result]:
        _source(probe, results)


def _seconds(probe: Probe, subjects: list[Subject], images: int) -> float | None:
    """What a measurement takes: what it took on the bundled ViT, or ResNet, or both; for other architectures
    in the ratio of what their test took; as images and pixels.
    """
    bundled = resources.bundled()
    like = [bundled.get(subject.run.config.model) for subject in subjects]
    for base in (like, [bundled.get(name) for name in ("vit", "resnet")[: len(like)]]):
        if not all((*like, *base)):
            return None
        seen = images_for(base, IMAGES)
        if stored := find(probe, [Subject(run) for run in base], seen, probe.settings()):
            tests = [[find_test(run, TEST.images) for run in runs] for runs in (like, base)]
            here, there = (sum(found.seconds if found else 0.0 for found in part) for part in tests)
            pixels = (subjects[0].run.config.image_size / base[0].config.image_size) ** 2
            ratio = here / there if here and there else 1.0
            return stored.seconds * ratio * pixels * images / stored.images
    return None


def _source(probe: Probe, results: list[Result]) -> None:
    """Where the numbers come from, and all of them as a file."""
    said, how, save = st.columns([3.4, 1.1, 1], vertical_alignment="center")
    counts = ", ".join(sorted({f"{r.images:,} {r.data}" for r in results}))
    said.caption(f"n = {counts}; bands, bars and ± are one standard error. Source: {probe.source}")
    with how.popover("How it was measured", width="stretch"):
        st.markdown(probe.method)
        measuring.origins(results)
    save.download_button(
        "All as CSV", lambda: as_csv(results).encode(), f"vitlab-{probe.name}.csv", "text/csv",
        icon=":material/download:", width="stretch", on_click="ignore", key="probe_csv",
    )  # fmt: skip
