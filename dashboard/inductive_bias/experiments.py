"""The panel of an experiment: its stored results, and a button that measures the missing ones."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.components import figure_files
from dashboard.drawing.markdown import escape, sentence
from dashboard.inductive_bias import examples
from dashboard.inductive_bias.experiment_figures import border, figures_of, lines_of, name_of, origin_of
from dashboard.inductive_bias.findings import finding
from dashboard.inductive_bias.spelling import spelled
from dashboard.shared import bound, measurement_panel, measurements, resources, ticking
from dashboard.shared.measurements import Measurement
from dashboard.states.inductive_bias import BiasState
from vitcore.config import PHOTOS
from vitcore.errors import UserError
from vitcore.probes import PROBES, Probe
from vitcore.probes.store import Images, Result, Subject, check_needs, images_for, images_of
from vitcore.probes.table import as_csv
from vitcore.probes.wording import enumerate_words
from vitcore.runs.folder import Run

TICK_S = 0.7
FEW = 50  # images, below which the page says how little a share of them tells
TITLES = {name: probe.title for name, probe in PROBES.items()}  # links hold names, older ones titles
COUNTS = tuple(sorted(BiasState.options("count")))


def number_of_images(place: DeltaGenerator, run: Run, probe: Probe) -> int:
    """Draw the choice of the number of test images in `place`, and return the number.

    If there are fewer than the smallest choice, or if the experiment measures the same number whatever the
    choice, show this number and why in place of the choice.
    """
    few = _few_images(run)
    if few is not None:
        source = f"{run.config.data} has" if run.config.folder else "These are"
        label = "Test images" if run.config.folder else "Photographs"
        kind = "test images" if run.config.folder else "bundled photographs"
        why = f"{escape(source)} only {few:,} {kind}, and all of them are measured."
        return _fixed_number(place, few, f"All {few:,}", why, "all_test_images", label)
    if probe.most and probe.most <= min(COUNTS):
        why = f"This experiment measures {probe.most} images, because it takes long."
        return _fixed_number(place, probe.most, str(probe.most), why, f"count_{probe.name}")
    return bound.choose_count(
        place.segmented_control,
        BiasState,
        "count",
        "Test images",
        COUNTS,
        first=BiasState.of().count,
        required=True,
    )


def _fixed_number(
    place: DeltaGenerator, count: int, text: str, why: str, key: str, label: str = "Test images"
) -> int:
    place.segmented_control(
        label,
        [count],
        default=count,
        format_func=lambda _: text,
        disabled=True,
        key=key,
        help=why,
    )
    return count


def _few_images(run: Run) -> int | None:
    """Return how many test images there are for a run if they are fewer than the smallest choice."""
    if not run.config.folder and run.config.data != PHOTOS:
        return None
    try:
        found = len(images_for([run], COUNTS[0]).labels)
    except UserError:  # the panel reports it
        return None
    return found if 0 < found < COUNTS[0] else None


def look_up(
    probe: Probe, runs: list[Run], images: Images, settings: dict[str, Any], *, untrained: bool
) -> list[Measurement]:
    """Return all measurements of a probe for these runs, in drawing order. Raise `UserError`.

    Runs that started from the same random weights have one untrained model. There is none if no trained one
    has a result or can be measured, because it would be a baseline of nothing.
    """
    count = len(images.labels)

    def found(subjects: list[Subject]) -> Measurement:
        name = name_of(subjects, runs)
        return measurements.look_up(probe, subjects, images, settings, count=count, name=name)

    baselines: dict[str, Run] = {}
    for run in runs:
        baselines.setdefault(origin_of(run), run)

    def groups(alone: Iterable[Run]) -> list[list[Run]]:
        return [runs] if probe.pair else [[run] for run in alone]

    trained = [found([Subject(run) for run in group]) for group in groups(dict.fromkeys(runs))]
    if not untrained or not any(one.result or one.can_be_measured for one in trained):
        return trained
    random = ([Subject(run, untrained=True) for run in group] for group in groups(baselines.values()))
    return [*trained, *map(found, random)]


def panel(probe: Probe, runs: list[Run], count: int, *, untrained: bool) -> None:
    """Draw the experiment's settings, its figures, and the button that measures what is missing."""
    settings = {}
    for name, options in probe.choices.items():
        settings[name] = st.segmented_control(
            name.capitalize(),
            options,
            default=options[0],
            required=True,
            format_func=spelled,
            **BiasState.bound_setting(name),
        )
    try:
        check_needs(probe, runs, titles=True)
    except UserError as error:
        others = [one.title for one in PROBES.values() if one.needs == "images"]
        predict = all(run.config.has_classifier for run in runs)
        more = "" if predict else f" {enumerate_words(others)} need no classifier."
        st.info(f"{sentence(error)}{more}")
        return
    try:
        images = images_of(probe, runs, count)
        looked_up = look_up(probe, runs, images, settings, untrained=untrained)
    except UserError as error:
        st.error(sentence(error))
        return

    def draw(_: bool) -> None:
        found = look_up(probe, runs, images, settings, untrained=untrained)
        _body(probe, found, runs, images)

    ticking.fragment(draw, lambda: any(measurement.running for measurement in looked_up), every_s=TICK_S)


def _body(probe: Probe, looked_up: list[Measurement], runs: list[Run], images: Images) -> None:
    known = [m for m in looked_up if m.values]
    if known:
        complete = [line for m, line in zip(known, lines_of(known, runs), strict=True) if m.result]
        text = finding(probe.name, complete, border())
        if text:  # empty until a measurement is complete
            st.markdown(escape(text))
        for i, drawn in enumerate(figures_of(probe, known, runs, border())):
            if drawn.head:
                st.markdown(drawn.head)
            alt = drawn.alt if i else f"{drawn.alt} {text}".strip()
            figure_files.show(drawn.figure, key=f"{probe.name}{i}", alt=alt)
            if drawn.foot:
                st.caption(drawn.foot)
        if probe.examples and complete:
            examples.show(
                probe.name,
                probe.examples,
                (images.pixels, images.labels),
                resources.dataset_of(runs[0]).classes,
                complete,
            )
    missing = [m for m in looked_up if not m.result]
    without_weights = [m for m in missing if not m.can_be_measured]
    if without_weights:
        names = escape(", ".join(m.name for m in without_weights))
        st.info(f"Not measured: {names}. The weights are not in the run folder: train again to measure them.")
    missing = [m for m in missing if m.can_be_measured]
    names = ", ".join(m.name for m in missing)
    measurement_panel.show(missing, f"{names}, with these weights and {len(images.labels):,} images")
    results = [m.result for m in looked_up if m.result]
    if results and not any(m.running for m in missing):
        _source(probe, results)


def few_images(count: int) -> str:
    """Return a sentence that says how little a share of so few images tells."""
    return (
        f"Of {count} images, one is {100 / count:.2g} points of a share. The standard error is up to "
        f"{50 / math.sqrt(count):.2g} points. At 0 and 100 % it is 0, which says nothing. "
    )


def _source(probe: Probe, results: list[Result]) -> None:
    """Draw the origin of the numbers, and a button that downloads them."""
    source, method, download = st.columns([3.4, 1.1, 1], vertical_alignment="center")
    counts = ", ".join(sorted({f"{r.images:,} {escape(r.data)}" for r in results}))
    few = min(result.images for result in results)
    note = few_images(few) if probe.needs != "images" and few < FEW else ""
    source.caption(f"n = {counts}; bands, bars and ± are one standard error. {note}Source: {probe.source}")
    measurement_panel.explain(method, probe.method, results)
    download.download_button(
        "All as CSV",
        lambda: as_csv(results).encode(),
        f"vitlab-{probe.name}.csv",
        "text/csv",
        icon=":material/download:",
        width="stretch",
        on_click="ignore",
        key="probe_csv",
    )
