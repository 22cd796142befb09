"""The first view of Inductive bias: all architectures in one picture, the most local one first."""

from __future__ import annotations

import contextlib
import html
import itertools
import operator
from typing import Any

import streamlit as st

from dashboard.components import figure_files
from dashboard.drawing.markdown import sentence
from dashboard.drawing.theme import hue
from dashboard.inductive_bias import sample_efficiency, summary_figure
from dashboard.inductive_bias.experiments import TITLES
from dashboard.inductive_bias.lines import Drawn
from dashboard.inductive_bias.summary_figure import SHIFT, Point, Row
from dashboard.shared import bound, default_runs, measurement_panel, measurements, page_runs, ticking
from dashboard.shared.measurements import Measurement
from dashboard.states.inductive_bias import BiasState
from dashboard.sweeps import sample_curves
from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError
from vitcore.probes import PROBES
from vitcore.probes.experiments.distance import DistanceValues
from vitcore.probes.experiments.shift import ShiftValues
from vitcore.probes.store import Subject, images_for
from vitcore.runs.folder import Run
from vitcore.sweeps.results import SamplePoint

NAME = "summary"
TITLE = "Summary"
QUESTION = "What is built in, and what must be learned?"
ALL_TITLES = {NAME: TITLE, **TITLES, sample_efficiency.NAME: sample_efficiency.TITLE}
SHARE = 0.1  # of the training images, or the nearest one that was measured
TICK_S = 0.7


def models(found: list[Run]) -> list[Run]:
    """Return a run of each architecture: the bundled ViT and ResNet, and the first other ones of `found`.

    All are for the classes and the image size of the first.
    """
    pair = [run for run in default_runs.default_pair() if run]
    same = page_runs.comparable((pair or found)[0], found)
    return list({run.config.model: run for run in reversed([*pair, *same])}.values())[::-1]


def look_up(runs: list[Run]) -> dict[str, list[Measurement]]:
    """Return the measurements of all models by experiment. A model whose weights cannot be read has none.

    The reach is also that of random weights. Their consistency is not shown, because a model that always
    predicts the same class is consistent.
    """
    looked_up = {}
    for name, states in (("distance", (False, True)), ("shift", (False,))):
        probe = PROBES[name]
        images = images_for(runs, probe.images, labels=probe.labels)
        looked_up[name] = []
        for run, untrained in itertools.product(runs, states):
            label = "untrained " * untrained + ARCHITECTURES[run.config.model].label
            subject, count = Subject(run, untrained), len(images.labels)
            with contextlib.suppress(UserError):
                found = measurements.look_up(
                    probe, [subject], images, probe.settings(), count=count, name=label
                )
                looked_up[name].append(found)
    return looked_up


def rows_of(looked_up: dict[str, list[Measurement]]) -> tuple[list[Row], str]:
    """Return the rows of the figure in its order, and the share of the sample efficiency as text.

    A variant of a model in a sweep is a row of its own.
    """
    rows: dict[str, Row] = {}
    for name, measured in looked_up.items():
        for one in measured:
            (subject,) = one.subjects
            model = subject.run.config.model
            row = rows.setdefault(model, Row(ARCHITECTURES[model].label, hue(model)))
            if one.result and (point := _point(one.result.values)):
                (row.untrained if subject.untrained else row.trained)[name] = point
    points, share = _efficiency()
    for point in points:
        if point["mean"] is not None:
            key = point["model"] if point["label"] == ARCHITECTURES[point["model"]].label else point["label"]
            row = rows.setdefault(key, Row(html.escape(point["label"]), hue(point["model"])))
            error = None if point["error"] is None else 100 * point["error"]
            row.trained[sample_efficiency.NAME] = Point(100 * point["mean"], error)
    return summary_figure.ordered(list(rows.values())), numbers.chosen_share(share)


def _point(values: object) -> Point | None:
    """Return the point of a result, or None for a model without a first block or images without the shift."""
    if isinstance(values, DistanceValues) and len(values.reach.mean) > 1:
        return Point(values.reach.mean[1], values.reach.error[1])
    if isinstance(values, ShiftValues) and SHIFT in values.x:
        at, curve = values.x.index(SHIFT), values.curves["consistency, reflect"]
        return Point(100 * curve.mean[at], 100 * curve.error[at])
    return None


def _efficiency() -> tuple[list[SamplePoint], float]:
    """Return the points of the bundled sweep with the most lines at one share, and the share."""
    points = sample_curves.widest_points()
    share = min((point["share"] for point in points), key=lambda share: abs(share - SHARE), default=SHARE)
    return [point for point in points if point["share"] == share], share


def drawn(found: list[Run]) -> tuple[Drawn, list[Measurement]]:
    """Return the figure of what is stored, and the measurements that are missing. Raise `UserError`."""
    looked_up = look_up(models(found))
    return summary_figure.draw(*rows_of(looked_up)), missing_of(looked_up)


def missing_of(looked_up: dict[str, list[Measurement]]) -> list[Measurement]:
    """Return the measurements without a result that can be made here."""
    every = (one for measured in looked_up.values() for one in measured)
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


def experiment_at(plot: Any, trace: int) -> str:
    """Return the experiment of the panel that a trace of the Plotly figure is in."""
    axis = plot.data[trace].xaxis or "x"  # x, x2, x3
    return summary_figure.QUANTITIES[int(axis[1:] or 1) - 1].name


def _body(found: list[Run]) -> None:
    drawing, missing = drawn(found)

    def open_panel(trace: int) -> None:
        bound.put(BiasState, probe=experiment_at(drawing.figure.plot, trace))

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
        "Filled: trained. Open: the same architecture with random weights, whose reach determines the order "
        "of the rows. Reach: mean distance of the pixels on which a position in the center depends. Bars are "
        f"one standard error, over {PROBES['shift'].images} test images or over seeds. The models differ in "
        "size and training: each experiment names them."
    )
    names = dict.fromkeys(ARCHITECTURES[one.subjects[0].run.config.model].label for one in missing)
    measurement_panel.show(missing, f"attention distance or shift of {', '.join(names)}")
