"""The first view of Inductive bias: all models in one picture, from told what is near to learns all."""

from __future__ import annotations

import contextlib
import itertools
import operator
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.components import figure_files
from dashboard.drawing.markdown import sentence
from dashboard.drawing.theme import hue, run_styles
from dashboard.inductive_bias import sample_efficiency, summary_figure, summary_gaps
from dashboard.inductive_bias.experiments import TITLES
from dashboard.inductive_bias.lines import Drawn
from dashboard.inductive_bias.summary_figure import SHIFT, Point, Row
from dashboard.inductive_bias.summary_gaps import Gap
from dashboard.shared import (
    bound,
    default_runs,
    measurement_panel,
    measurements,
    page_runs,
    resources,
    ticking,
)
from dashboard.shared.measurements import Measurement
from dashboard.states.inductive_bias import BiasState
from dashboard.sweeps import sample_curves
from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, setting_of
from vitcore.errors import UserError
from vitcore.probes import PROBES
from vitcore.probes.experiments.distance import DistanceValues
from vitcore.probes.experiments.shift import ShiftValues
from vitcore.probes.store import Subject, images_of
from vitcore.runs.folder import Run, bundled_runs
from vitcore.sweeps.results import SamplePoint
from vitcore.sweeps.variants import is_setting

NAME = "summary"
TITLE = "Summary"
QUESTION = "What is built in, and what must be learned?"
ALL_TITLES = {NAME: TITLE, **TITLES, sample_efficiency.NAME: sample_efficiency.TITLE}
SHARE = 0.1  # of the training images, or the nearest one that was measured
TICK_S = 0.7


@dataclass(frozen=True)
class Model:
    """A row of the figure: its name, and the run that is measured for it, trained or `untrained`, or both."""

    label: str
    run: Run
    untrained: tuple[bool, ...] = (False, True)

    @property
    def architecture(self) -> str:
        return self.run.config.model


def models(found: list[Run]) -> list[Model]:
    """Return each architecture with a run, and the variants of the bundled sweep.

    The runs are the bundled ViT and ResNet, and the first other ones of `found`. All are for the classes and
    the image size of the first.
    """
    pair = [run for run in default_runs.default_pair() if run]
    same = page_runs.comparable((pair or found)[0], found)
    plain = list({run.config.model: run for run in reversed([*pair, *same])}.values())[::-1]
    return [*(Model(ARCHITECTURES[run.config.model].label, run) for run in plain), *_variants(plain, found)]


def _variants(plain: list[Run], found: list[Run]) -> list[Model]:
    """Return the lines of the sweep that differ from the plain models, with the runs to measure.

    This is the bundled run from which a line starts, or a bundled one whose settings agree in all that the
    sweep varies. If there is none, it is a run of the line itself, with random weights, because the trained
    ones of a sweep are not bundled.
    """
    bundled = {run.id: run for run in bundled_runs()}
    points = [point for point in _efficiency()[0] if point["runs"][0] in bundled]
    lines = {point["label"]: bundled[point["runs"][0]] for point in points}
    kept = [run for run in found if run.bundled]
    variants = []
    for label, run in lines.items():
        config = run.config
        if label == ARCHITECTURES[config.model].label or not page_runs.comparable(plain[0], [run]):
            continue
        alike = [one for one in lines.values() if one.config.model == config.model]
        names = {name for one in alike for name in one.meta.varied if is_setting(config, name)}
        if config.start:
            measured = [one for one in kept if one.id == config.start]
        else:
            measured = [one for one in page_runs.comparable(run, kept) if _agree(one, run, names)]
        variants.append(Model(label, measured[0]) if measured else Model(label, run, untrained=(True,)))
    return variants


def _agree(one: Run, other: Run, names: set[str]) -> bool:
    """Return whether two runs are of one architecture, have no start, and agree in these settings."""
    return (one.config.model, one.config.start) == (other.config.model, "") and all(
        setting_of(one.config, name) == setting_of(other.config, name) for name in names
    )


def look_up(rows: list[Model]) -> dict[str, list[tuple[Model, Measurement]]]:
    """Return the measurements of all models by experiment. A model whose weights cannot be read has none.

    The reach is also that of random weights. Their consistency is not shown, because a model that always
    predicts the same class is consistent. A pretraining without labels has no classes to predict.
    """
    looked_up: dict[str, list[tuple[Model, Measurement]]] = {"distance": [], "shift": []}
    for name, found in looked_up.items():
        probe = PROBES[name]
        measured = [row for row in rows if row.run.config.has_classifier or probe.needs == "images"]
        # the images of a pretraining are the same, but it has no classes to compare
        seen = images_of(probe, [row.run for row in measured], probe.images) if measured else None
        for row, untrained in itertools.product(measured, (False, True)):
            if seen is None or untrained not in row.untrained or (untrained and name == "shift"):
                continue
            subject = Subject(row.run, untrained)
            with contextlib.suppress(UserError):
                one = measurements.look_up(
                    probe,
                    [subject],
                    seen,
                    probe.settings(),
                    count=len(seen.labels),
                    name="untrained " * untrained + row.label,
                )
                found.append((row, one))
    return looked_up


def rows_of(looked_up: dict[str, list[tuple[Model, Measurement]]]) -> tuple[list[Row], str]:
    """Return the rows of the figure in its order, and the share of the sample efficiency as text.

    A variant of a model in a sweep is a row of its own.
    """
    rows: dict[str, Row] = {}
    colors = _colors()

    def row_of(label: str, config: Config) -> Row:
        color = colors.get(label, hue(config.model))
        return rows.setdefault(label, Row(label, color, model=config.model, local=_is_local(config)))

    for name, measured in looked_up.items():
        for model, one in measured:
            row = row_of(model.label, model.run.config)
            if one.result and (point := _point(one.result.values, model.run.title)):
                (row.untrained if one.subjects[0].untrained else row.trained)[name] = point
    points, share = _efficiency()
    configs = {run.id: run.config for run in resources.runs()}
    for point in points:
        if point["mean"] is not None:
            error = None if point["error"] is None else 100 * point["error"]
            row = row_of(point["label"], configs[point["runs"][0]])
            row.trained[sample_efficiency.NAME] = Point(100 * point["mean"], error, _trained_as(point))
    return summary_figure.ordered(list(rows.values())), numbers.chosen_share(share)


def _is_local(config: Config) -> bool:
    """Return whether options tell a model which pixels are near, in addition to its architecture."""
    return any(setting_of(config, name) for name in ARCHITECTURES[config.model].local)


def _trained_as(point: SamplePoint) -> str:
    """Return the size and the steps of the models of a point."""
    steps, size = point["steps"], point["parameters"]
    parts = (size and numbers.millions(size) + " parameters", steps and numbers.count(steps, "step"))
    return ", ".join(part for part in parts if part)


def _colors() -> dict[str, str]:
    """Return the color of each line of the sweep, as its figure has it."""
    lines = {point["label"]: point["model"] for point in sample_curves.widest_points()}
    styles = run_styles(list(lines.values()))
    return {label: color for label, (color, _) in zip(lines, styles, strict=True)}


def _point(values: object, source: str) -> Point | None:
    """Return the point of a result, or None for a model without a first block or images without the shift."""
    if isinstance(values, DistanceValues) and len(values.reach.mean) > 1:
        return Point(values.reach.mean[1], values.reach.error[1], source)
    if isinstance(values, ShiftValues) and SHIFT in values.x:
        at, curve = values.x.index(SHIFT), values.curves["consistency, reflect"]
        return Point(100 * curve.mean[at], 100 * curve.error[at], source)
    return None


def _efficiency() -> tuple[list[SamplePoint], float]:
    """Return the points of the bundled sweep with the most lines at one share, and the share.

    Architectures that it lacks have those of other sweeps with the same images and steps.
    """
    points = sample_curves.widest_points()
    share = min((point["share"] for point in points), key=lambda share: abs(share - SHARE), default=SHARE)
    points = [point for point in points if point["share"] == share]
    return [*points, *sample_curves.plain_alike(points)], share


def drawn(found: list[Run]) -> tuple[Drawn, list[Measurement], list[Gap]]:
    """Return the figure of what is stored, the measurements that are missing, and all gaps of the figure.

    Raise `UserError`.
    """
    chosen = models(found)
    looked_up = look_up(chosen)
    rows, share = rows_of(looked_up)
    gaps = summary_gaps.gaps(rows, {model.label: model.run for model in chosen}, _efficiency()[0])
    for gap in gaps:
        gap.row.gaps[gap.experiment] = gap.reason
    return summary_figure.draw(rows, share), missing_of(looked_up), gaps


def missing_of(looked_up: dict[str, list[tuple[Model, Measurement]]]) -> list[Measurement]:
    """Return the measurements without a result that can be made here."""
    every = (one for measured in looked_up.values() for _, one in measured)
    return [one for one in every if not one.result and one.can_be_measured]


def default_view(state: BiasState) -> str:
    """Return what a link without an experiment opens: the summary, or the first one if it names a run."""
    return next(iter(PROBES)) if state.run or state.against else NAME


def show(found: list[Run]) -> None:
    """Show the figure with a button to each experiment, and a button that measures what is missing."""
    st.header(QUESTION)
    st.markdown(
        "The first block of a convolutional network reads only a few pixels, trained or not: locality is "
        "built in. A ViT or an MLP-Mixer may read the whole image from its first block on. What is not built "
        "in must be learned, which takes more images."
    )
    try:
        missing = missing_of(look_up(models(found)))
    except UserError as error:
        st.error(sentence(error))
        return

    def state() -> tuple[bool, str]:
        # with the experiment, because a click reruns only the fragment until its state changes
        return any(one.running for one in missing), bound.current(BiasState, "probe")

    ticking.fragment(lambda _: _body(found), state, every_s=TICK_S, active=operator.itemgetter(0))


def opened_by(plot: Any, trace: int, rows: list[Model], found: list[Run]) -> dict[str, str]:
    """Return the state that a click on a trace of the Plotly figure opens: the experiment with its model.

    The model is compared with the bundled ResNet, or with the ViT if it is that ResNet.
    """
    axis = plot.data[trace].xaxis or "x"  # x, x2, x3
    name = summary_figure.QUANTITIES[int(axis[1:] or 1) - 1].name
    if name == sample_efficiency.NAME:
        sweep = sample_curves.widest()
        return {"probe": name} | ({"samples": sweep.name} if sweep else {})
    run = {summary_figure.drawn_name(row.label): row.run for row in rows}.get(plot.data[trace].y[0])
    if run is None:
        return {"probe": name}
    comparable = page_runs.comparable(run, found)
    pair = reversed(default_runs.default_pair())
    others = [one for one in pair if one and one in comparable and one != run]
    return {"probe": name, "run": run.id} | ({"against": others[0].id} if others else {})


def _body(found: list[Run]) -> None:
    drawing, missing, gaps = drawn(found)

    def open_panel(trace: int) -> None:
        bound.put(BiasState, **opened_by(drawing.figure.plot, trace, models(found), found))

    figure_files.show(drawing.figure, key=NAME, alt=drawing.alt, on_click=open_panel)
    for column, quantity in zip(
        st.columns(len(summary_figure.QUANTITIES)), summary_figure.QUANTITIES, strict=True
    ):
        column.button(
            ALL_TITLES[quantity.name],
            key=f"open_{quantity.name}",
            icon=":material/arrow_forward:",
            width="stretch",
            on_click=bound.put,
            args=(BiasState,),
            kwargs={"probe": quantity.name},
        )
    st.caption(
        "**Filled**: trained. **Open**: the same architecture with random weights. **Order**: from "
        "architectures that are told which pixels are near to those that must learn it, which is the order "
        "of their reach with random weights. Variants are next to their architecture, those with "
        "convolutions in front above it. **Reach**: mean distance of the pixels on which a position in the "
        "center depends. A convolutional stem reads what is near before the first block, which then reads "
        f"farther. **Bars**: one standard error, over {PROBES['shift'].images} test images or over seeds. "
        "The models differ in size and training, also between the panels: the pointer on a dot names the "
        "run, and a click opens it. A ViT that starts from a pretraining has the reach of that one, before "
        "any label."
    )
    if text := summary_gaps.notes(gaps):
        st.caption(text)
    names = dict.fromkeys(one.name.removeprefix("untrained ") for one in missing)
    measurement_panel.show(missing, f"attention distance or shift of {', '.join(names)}")
