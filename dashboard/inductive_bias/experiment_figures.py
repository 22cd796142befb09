"""The figures of a measured experiment, with their titles and texts."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.inductive_bias.lines import Context, Drawn, Line
from dashboard.inductive_bias.shape_figures import draw
from dashboard.shared import bound, run_look
from dashboard.shared.measurements import Measurement
from dashboard.states.inductive_bias import BiasState
from vitcore.probes import Probe, View
from vitcore.probes.store import UNTRAINED, Subject
from vitcore.runs.folder import Run
from vitcore.runs.titles import variant_label, variant_settings

NAMED = 2  # settings in the name of a variant


def border() -> str:
    """Return the padding of shifted images, for the live image and the curves."""
    return bound.current(BiasState, "border")


def labels(runs: Sequence[Run]) -> dict[str, str]:
    """Return the name of each selected run by id.

    It is the architecture, with what makes it a variant: `ViT (conv stem)`. It is the title of the run if two
    runs have one architecture, or if more settings differ than a legend has room for.
    """
    unique = {run.id: run for run in runs}
    varied = [variant_settings(run.config) for run in unique.values()]
    if len({run.config.model for run in unique.values()}) < len(unique) or max(map(len, varied)) > NAMED:
        return run_look.names(runs)
    named = zip(unique.items(), varied, strict=True)
    return {i: variant_label(run.config.model, own) for (i, run), own in named}


def name_of(subjects: Sequence[Subject], runs: Sequence[Run]) -> str:
    """Return what a measurement of selected runs is called, such as `untrained ViT` or `ViT and ResNet`."""
    names = labels(runs)
    if len(subjects) == 1 and len(_of_origin(origin_of(subjects[0].run), runs)) > 1 and subjects[0].untrained:
        config = subjects[0].run.config
        own = {name: v for name, v in variant_settings(config).items() if name in config.options}
        return UNTRAINED + variant_label(config.model, own)  # the random weights of all of them
    parts = (UNTRAINED * subject.untrained + names[subject.run.id] for subject in subjects)
    return " and ".join(dict.fromkeys(parts))


def origin_of(run: Run) -> str:
    """Return the digest of the model with random weights that is the baseline of a run."""
    return Subject(run, untrained=True).digest


def _of_origin(origin: str, runs: Sequence[Run]) -> dict[str, Run]:
    return {run.id: run for run in runs if origin_of(run) == origin}


def lines_of(known: list[Measurement], runs: Sequence[Run]) -> list[Line]:
    """Return the line of each measured model. `runs` are the selected ones, which determine its style.

    Runs of one architecture differ in color and title.
    """
    styles, names = run_look.styles(runs), labels(runs)
    lines = []
    for m in known:
        subject = m.subjects[0]
        color, _ = styles[subject.run.id]
        pair = len(m.subjects) > 1
        name = names[subject.run.id] if pair else name_of(m.subjects, runs)
        other = names[m.subjects[1].run.id] if pair else ""
        dash = "dot" if subject.untrained else "solid"
        lines.append(Line(name, color, dash, m.values, other, m.images, origin_of(subject.run)))
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
