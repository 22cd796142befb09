"""The figures of a measured experiment, with their titles and texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import plotly.graph_objects as go
import streamlit as st

from dashboard.drawing import theme
from dashboard.inductive_bias import figures as draw
from dashboard.inductive_bias.figures import Line
from vitcore.probes import Probe
from vitcore.probes.store import Subject

if TYPE_CHECKING:
    from dashboard.inductive_bias.experiments import Measured


@dataclass(frozen=True)
class Drawn:
    """A figure, what it is called in words, a heading above and a sentence below it."""

    figure: go.Figure
    alt: str
    head: str = ""
    foot: str = ""


def panels_of(name: str, fill: str) -> list[tuple[str, str]]:
    """(curve of the probe, title) for each panel of the experiments that are curves; `fill`: of shifts."""
    return {
        "shift": [(f"consistency, {fill}", "The answer stays"), (f"accuracy, {fill}", "The answer is right")],
        "shuffle": [("consistency", "The answer stays"), ("accuracy", "The answer is right")],
        "occlusion": [
            ("accuracy, random", "Hidden at random"),
            ("accuracy, most salient first", "Most salient first"),
            ("accuracy, least salient first", "Least salient first"),
        ],
    }.get(name, [])


def border() -> str:
    """How shifted images are filled, of the live image and of the curves."""
    return st.session_state.get("border") or "reflect"


def lines_of(known: list[Measured]) -> list[Line]:
    """Two runs of one architecture differ in lightness and are named by their titles."""
    runs = list(dict.fromkeys(m.subjects[0].run for m in known))
    styles = dict(zip(runs, theme.run_styles([r.config.model for r in runs]), strict=True))
    alike = len({r.config.model for r in runs}) < len(runs)
    lines = []
    for m in known:
        subject = m.subjects[0]
        colour, _ = styles[subject.run]
        name, beside = ("untrained " * subject.untrained + subject.run.title) if alike else subject.label, ""
        if len(m.subjects) > 1:
            name, beside = _names(m.subjects)
        lines.append(Line(name, colour, "dot" if subject.untrained else "solid", m.values, beside))
    return lines


def _names(subjects: list[Subject]) -> list[str]:
    """Of models measured at once: the architectures, or the runs' titles where these are alike."""
    models = [s.run.config.model for s in subjects]
    if len(set(models)) < len(models):
        return [s.run.title for s in subjects]
    return [s.label.removeprefix("untrained ") for s in subjects]


def figures_of(probe: Probe, known: list[Measured], fill: str) -> list[Drawn]:
    """All figures of an experiment; `fill`: the border of shifted images. Once it is measured to the end they
    are drawn and kept: change a copy.
    """
    if not all(m.result for m in known):
        return _figures(probe, known, fill)
    shown = tuple(
        (m.key, m.result.date, *((s.run.id, s.run.title, s.untrained) for s in m.subjects)) for m in known
    )
    return _kept(shown, fill, probe, known)


@st.cache_resource(max_entries=64, show_spinner=False)
def _kept(shown: tuple, fill: str, _probe: Probe, _known: list[Measured]) -> list[Drawn]:
    return _figures(_probe, _known, fill)


def _figures(probe: Probe, known: list[Measured], fill: str) -> list[Drawn]:
    name, lines = probe.name, lines_of(known)
    if panels := panels_of(name, fill):
        classes = len(known[0].subjects[0].run.config.classes or range(10))
        return [Drawn(draw.curves(lines, panels, 1 / classes), probe.question)]
    if name == "receptive-field":
        return _fields(lines)
    if name == "distance":
        sides = {
            line.label: ", ".join(map(str, line.values["sides"]))
            for line in lines
            if line.values.get("sides") and line.dash == "solid"
        }
        said = (
            f"Theoretical receptive fields of the {k}'s layers, pixels a side: {v}." for k, v in sides.items()
        )
        return [Drawn(draw.distances(lines), probe.question, foot=" ".join(said))]
    if name == "fourier":
        title = "log amplitude, highest minus lowest"
        return [Drawn(draw.depth(lines, "fall", title), probe.question)]
    if name == "cka":
        drawn = []
        for m in known:
            trained = "Both untrained" if m.subjects[0].untrained else "Both trained"
            figure = draw.likeness(m.values, _names(m.subjects))
            drawn.append(Drawn(figure, f"{probe.question} {trained}.", f"**{trained}**"))
        return drawn
    return _ablations(lines, [m.images for m in known])


def _ablations(lines: list[Line], counts: list[int]) -> list[Drawn]:
    alike = len(set(counts)) == 1  # not while they are measured
    parts = []
    for line, count in zip(lines, counts, strict=True):
        mean, error = (100 * line.values["base"][k] for k in ("mean", "error"))
        parts.append(f"{line.label} {mean:.1f} ± {error:.1f} %" + ("" if alike else f" (n = {count:,})"))
    head = f"Accuracy of the whole models: {', '.join(parts)}" + (f" (n = {counts[0]:,})." if alike else ".")
    drawn = [Drawn(draw.blocks(lines), "change of accuracy without each block", head)]
    headed = [line for line in lines if "heads" in line.values]
    top = max((draw.largest(line) for line in headed), default=1.0)
    for line in headed:
        head = f"**{line.label}: points of accuracy without one head**"
        drawn.append(
            Drawn(draw.heads(line, top), f"{line.label}: change of accuracy without each head", head)
        )
    return drawn


def _fields(lines: list[Line]) -> list[Drawn]:
    """All layers, of the trained models and of the untrained ones, in one colour scale; then their reach."""
    top = max(max(max(map(max, layer)) for layer in line.values["fields"]) for line in lines)
    drawn = []
    for dash in dict.fromkeys(line.dash for line in lines):
        together = [line for line in lines if line.dash == dash]
        names = " and ".join(line.label for line in together)
        drawn.append(Drawn(draw.fields(together, top), f"{names}: which pixels each layer reads"))
    foot = (
        "One colour scale for all maps, in powers of ten. The frame is the theoretical receptive field: "
        "outside of it everything is exactly zero."
    )
    drawn[-1] = Drawn(drawn[-1].figure, drawn[-1].alt, drawn[-1].head, foot)
    reach = draw.depth(lines, "reach", "mean distance, pixels")
    return [*drawn, Drawn(reach, "how far each layer reads")]
