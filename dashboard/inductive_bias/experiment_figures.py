"""The figures of a measured experiment, with their titles and texts."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.drawing import theme
from dashboard.inductive_bias.lines import Context, Drawn, Line
from dashboard.inductive_bias.shape_figures import draw
from dashboard.shared import bound
from dashboard.shared.measurements import Measurement
from dashboard.states.inductive_bias import BiasState
from vitcore.probes import Probe, View
from vitcore.probes.store import Subject


def border() -> str:
    """Return the padding of shifted images, for the live image and the curves."""
    return bound.current(BiasState, "border")


def lines_of(known: list[Measurement]) -> list[Line]:
    """Return the line of each measured model. Runs of one architecture differ in shade and title."""
    runs = list(dict.fromkeys(m.subjects[0].run for m in known))
    styles = dict(zip(runs, theme.run_styles([r.config.model for r in runs]), strict=True))
    same_model = len({r.config.model for r in runs}) < len(runs)
    lines = []
    for m in known:
        subject = m.subjects[0]
        color, _ = styles[subject.run]
        name, other = (
            ("untrained " * subject.untrained + subject.run.title) if same_model else subject.label,
            "",
        )
        if len(m.subjects) > 1:
            name, other = _names(m.subjects)
        dash = "dot" if subject.untrained else "solid"
        lines.append(Line(name, color, dash, m.values, other, m.images))
    return lines


def _names(subjects: Sequence[Subject]) -> list[str]:
    """Return names for models measured together: architectures, or titles if these are the same."""
    models = [s.run.config.model for s in subjects]
    if len(set(models)) < len(models):
        return [s.run.title for s in subjects]
    return [s.label.removeprefix("untrained ") for s in subjects]


def figures_of(probe: Probe, known: list[Measurement], fill: str) -> list[Drawn]:
    """Return all figures of an experiment. `fill` is the padding of shifted images.

    Complete measurements are drawn once and cached: do not change the figures.
    """
    shown = tuple(
        (m.key, m.result.date, *((s.run.id, s.run.title, s.untrained) for s in m.subjects))
        for m in known
        if m.result
    )
    if len(shown) < len(known):
        return _figures(probe, known, fill)
    return _kept(shown, fill, probe, known)


@st.cache_resource(max_entries=64, show_spinner=False)
def _kept(shown: tuple, fill: str, _probe: Probe, _known: list[Measurement]) -> list[Drawn]:
    return _figures(_probe, _known, fill)


def _figures(probe: Probe, known: list[Measurement], fill: str) -> list[Drawn]:
    classes = known[0].subjects[0].run.config.num_classes
    return draw(lines_of(known), Context(probe.question, View(fill), 1 / classes))
