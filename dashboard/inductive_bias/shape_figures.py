"""The figures of each shape of values, with their headings and texts. Pure functions.

An experiment whose values have these shapes needs no code here. A new shape needs a function and its entry in
`FIGURES`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dashboard.drawing.markdown import escape
from dashboard.inductive_bias import (
    bar_figures,
    figures,
    landscape_figures,
    matrix_figures,
    spread_figures,
)
from dashboard.inductive_bias.field_maps import fields
from dashboard.inductive_bias.lines import Context, Drawn, Line
from vitcore import numbers
from vitcore.probes.estimates import Estimate
from vitcore.probes.shapes import (
    Bars,
    Changes,
    Curves,
    Landscape,
    LayersAndHeads,
    LayerSeries,
    Maps,
    Matrix,
    Panel,
    Shape,
    Spreads,
)
from vitcore.probes.values import Values
from vitcore.probes.wording import enumerate_words, plus_minus, two_digits

SIDE_BY_SIDE = 3  # panels of curves in one figure
CONSTANT = 0.97  # a model with at least this consistency everywhere predicts one class for nearly all images


def draw(lines: Sequence[Line[Values]], context: Context) -> list[Drawn]:
    """Draw all figures of an experiment. Each shows one quantity of all models."""
    groups: dict[tuple[type[Shape], str], list[Line[Any]]] = {}
    for line in lines:
        for shape in line.values.shapes():
            groups.setdefault((type(shape), shape.quantity), []).append(line.of(shape))
    return [drawn for (kind, _), group in groups.items() for drawn in FIGURES[kind](group, context)]


def _curves(lines: list[Line[Curves]], context: Context) -> list[Drawn]:
    """Draw at most three panels side by side, and further panels as further figures below."""
    panels = list(dict.fromkeys(panel for line in lines for panel in line.values.panels))
    drawn: list[Drawn] = []
    for start in range(0, len(panels), SIDE_BY_SIDE):
        some = panels[start : start + SIDE_BY_SIDE]
        parts = [line.of(dataclasses.replace(line.values, panels=some)) for line in lines]
        alt = context.question if len(some) == len(panels) else f"{context.question} {_titles(some)}."
        drawn.append(Drawn(figures.curves(parts, context.chance, context.view), alt))
    drawn[-1] = dataclasses.replace(drawn[-1], foot=_constant(lines, context))
    return drawn


def _titles(panels: Sequence[Panel]) -> str:
    return enumerate_words([panel.title for panel in panels])


def _constant(lines: list[Line[Curves]], context: Context) -> str:
    """Explain the lines of untrained models that never change their prediction."""
    names = []
    for line in lines:
        panels = [panel.curve.format_map(vars(context.view)) for panel in line.values.panels]
        same = [min(line.values.curves[curve].mean) for curve in panels if curve.startswith("consistency")]
        if not line.trained and same and min(same) > CONSTANT:
            names.append(escape(line.label))
    if not names:
        return ""
    verb = "predicts" if len(names) == 1 else "predict"
    subject = " and ".join(names)
    return (
        f"{subject[0].upper()}{subject[1:]} {verb} the same class for nearly every image, so the "
        "prediction stays the same. Compare the accuracy, which is that of guessing."
    )


def _bars(lines: list[Line[Bars]], context: Context) -> list[Drawn]:
    """Draw one figure, with a note on the models that have no bar in a panel."""
    names = [
        escape(line.label)
        for line in lines
        if any(math.isnan(bar.mean) for bars in line.values.panels.values() for bar in bars.values())
    ]
    foot = (
        f"Without a bar, because it would be a share of no images: {enumerate_words(names)}." if names else ""
    )
    return [Drawn(bar_figures.bars(lines), context.question, foot=foot)]


def _depth(lines: list[Line[LayerSeries]], context: Context) -> list[Drawn]:
    return [Drawn(figures.depth(lines), lines[0].values.alt or context.question)]


def _distances(lines: list[Line[LayersAndHeads]], context: Context) -> list[Drawn]:
    notes = dict.fromkeys(line.values.note.format(label=escape(line.label)) for line in lines if line.trained)
    foot = " ".join(filter(None, notes))
    return [Drawn(figures.distances(lines), lines[0].values.alt or context.question, foot=foot)]


def _matrices(lines: list[Line[Matrix]], context: Context) -> list[Drawn]:
    drawn = []
    for line in lines:
        trained = "Both trained" if line.trained else "Both untrained"
        drawn.append(Drawn(matrix_figures.likeness(line), f"{context.question} {trained}.", f"**{trained}**"))
    return drawn


def _maps(lines: list[Line[Maps]], context: Context) -> list[Drawn]:
    """Draw the trained and the untrained models in one figure each, with one color scale."""
    shape = lines[0].values
    top = max(float(np.max(line.values.maps)) for line in lines)
    drawn = []
    for dash in dict.fromkeys(line.dash for line in lines):
        together = [line for line in lines if line.dash == dash]
        names = " and ".join(line.label for line in together)
        drawn.append(Drawn(fields(together, top), f"{names}: {shape.alt}"))
    last = drawn[-1]
    return [*drawn[:-1], Drawn(last.figure, last.alt, foot=shape.note)]


def _spreads(lines: list[Line[Spreads]], context: Context) -> list[Drawn]:
    """Draw the trained and the untrained models in one figure each."""
    drawn = []
    for dash in dict.fromkeys(line.dash for line in lines):
        together = [line for line in lines if line.dash == dash]
        names = enumerate_words([line.label for line in together])
        alt = f"{names}: {lines[0].values.quantity} of all positions by layer"
        drawn.append(Drawn(spread_figures.spreads(together), alt))
    drawn[-1] = dataclasses.replace(drawn[-1], foot=lines[0].values.note)
    return drawn


def _changes(lines: list[Line[Changes]], context: Context) -> list[Drawn]:
    share = lines[0].values.quantity
    counts = [line.images for line in lines]
    equal = len(set(counts)) == 1  # counts can differ while the experiment runs
    parts = []
    for line, count in zip(lines, counts, strict=True):
        base = line.values.base
        if base is None:
            continue
        name = escape(line.label) if equal else f"{escape(line.label)}, {numbers.sample(count)}"
        parts.append(f"{numbers.percent(base.mean, 1, base.error)} ({name})")
    head = f"{share.capitalize()} of the complete models: {', '.join(parts)}"
    head += f", {numbers.sample(counts[0])}." if equal else "."
    if not parts:
        head = "Consistency: the share of predictions that are the same as those of the complete model."
    foot = " ".join(_missing(line) for line in lines if line.trained and line.values.missing)
    drawn = [Drawn(bar_figures.blocks(lines), f"change of {share} without each block", head, foot)]
    tables = [(line, line.values.without_head) for line in lines if line.values.without_head]
    top = max([1.0, *(100 * float(np.abs(table.mean).max()) for _, table in tables)])  # percentage points
    for line, table in tables:
        head = f"**{escape(line.label)}: change of {share} without one head, in percentage points**"
        alt = f"{line.label}: change of {share} without each head"
        drawn.append(Drawn(matrix_figures.heads(line, table, top), alt, head))
    return drawn


def _missing(line: Line[Changes]) -> str:
    """Say which blocks of a model have no bar, and why."""
    missing = [str(number) for number in line.values.missing]
    noun = numbers.plural("block", len(missing))
    return (
        f"{escape(line.label)} without {noun} {enumerate_words(missing)}: not measured, because a block that "
        "changes the shape of its input cannot be skipped."
    )


def _landscapes(lines: list[Line[Landscape]], context: Context) -> list[Drawn]:
    """Draw the planes of the trained and of the untrained models in one figure each, and one slice of all."""
    groups = [[line for line in lines if line.dash == dash] for dash in dict.fromkeys(x.dash for x in lines)]
    quantity = lines[0].values.quantity
    drawn = []
    for group in groups:
        names = " and ".join(line.label for line in group)
        alt = f"{names}: contour lines of the {quantity} around the weights."
        head = "" if drawn else _landscape_table(lines)
        drawn.append(Drawn(landscape_figures.contours(group), alt, head))
    alt = f"The {quantity} of every model along the first direction."
    head = f"**The {quantity} along the first direction**"
    slices = Drawn(landscape_figures.slices(lines), alt, head)
    names = " and ".join(line.label for line in groups[0])
    alt = f"{names}: the {quantity} around the weights as a surface."
    surfaces = Drawn(landscape_figures.surfaces(groups[0]), alt, "**The same planes as surfaces**")
    return [drawn[0], slices, surfaces, *drawn[1:]]


def _landscape_table(lines: list[Line[Landscape]]) -> str:
    """Return a Markdown table of the values that each model has once, in columns that fit on a phone."""
    first = lines[0].values
    titles = (
        "model",
        first.quantity,
        f"rise at distance {first.distance:g}",
        "largest eigenvalue (residual)",
    )
    rows = []
    for line in lines:
        shape, middle = line.values, len(line.values.positions) // 2
        center = Estimate(mean=shape.table.mean[middle][middle], error=shape.table.error[middle][middle])
        found = shape.eigenvalue
        curved = f"{plus_minus(found)} ({two_digits(shape.residual)})" if found else ""
        rows.append([escape(line.label), plus_minus(center), plus_minus(shape.rise), curved])
    lines_of_table = [titles, ["---", *["--:"] * (len(titles) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines_of_table)


FIGURES: dict[type[Shape], Callable[[list[Line[Any]], Context], list[Drawn]]] = {
    Curves: _curves,
    Bars: _bars,
    LayerSeries: _depth,
    LayersAndHeads: _distances,
    Changes: _changes,
    Matrix: _matrices,
    Maps: _maps,
    Landscape: _landscapes,
    Spreads: _spreads,
}
