"""The figures of a measured experiment, with their titles and texts."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.inductive_bias.lines import Context, Drawn, Line
from dashboard.inductive_bias.shape_figures import draw
from dashboard.shared import bound, run_look
from dashboard.shared.measurements import Measurement
from dashboard.states.inductive_bias import BiasState
from vitcore.architectures import ARCHITECTURES
from vitcore.probes import Probe, View
from vitcore.runs.folder import Run


def border() -> str:
    """Return the padding of shifted images, for the live image and the curves."""
    return bound.current(BiasState, "border")


def labels(runs: Sequence[Run]) -> dict[str, str]:
    """Return the name of each selected run by id: its architecture, or its title if that is not distinct."""
    unique = {run.id: run for run in runs}
    models = {i: ARCHITECTURES[run.config.model].label for i, run in unique.items()}
    return models if len(set(models.values())) == len(unique) else run_look.names(runs)


def lines_of(known: list[Measurement], runs: Sequence[Run]) -> list[Line]:
    """Return the line of each measured model. `runs` are the selected ones, which determine its style.

    Runs of one architecture differ in color and title.
    """
    styles, names = run_look.styles(runs), labels(runs)
    lines = []
    for m in known:
        subject = m.subjects[0]
        color, _ = styles[subject.run.id]
        name = "untrained " * (subject.untrained and len(m.subjects) == 1) + names[subject.run.id]
        other = names[m.subjects[1].run.id] if len(m.subjects) > 1 else ""
        dash = "dot" if subject.untrained else "solid"
        lines.append(Line(name, color, dash, m.values, other, m.images))
    return lines


def figures_of(probe: Probe, known: list[Measurement], runs: Sequence[Run], fill: str) -> list[Drawn]:
    """Return all figures of an experiment. `fill` is the padding of shifted images.

    Complete measurements are drawn once and cached: do not change the figures.
    """
    shown = tuple(
        (m.key, m.result.date, *((s.run.id, s.untrained) for s in m.subjects)) for m in known if m.result
    )
    if len(shown) < len(known):
        return _figures(probe, known, runs, fill)
    names = tuple(labels(runs).items())
    return _kept((shown, names), fill, probe, known, runs)


@st.cache_resource(max_entries=64, show_spinner=False)
def _kept(
    shown: tuple, fill: str, _probe: Probe, _known: list[Measurement], _runs: Sequence[Run]
) -> list[Drawn]:
    return _figures(_probe, _known, _runs, fill)


def _figures(probe: Probe, known: list[Measurement], runs: Sequence[Run], fill: str) -> list[Drawn]:
    classes = known[0].subjects[0].run.config.num_classes
    return draw(lines_of(known, runs), Context(probe.question, View(fill), 1 / classes if classes else None))
