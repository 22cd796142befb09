"""The figures of each shape of values, with their headings and texts. Pure functions.

An experiment whose values have these shapes needs no code here. A new shape needs a function and its entry in
`FIGURES`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dashboard.inductive_bias import figures
from dashboard.inductive_bias.field_maps import fields
from dashboard.inductive_bias.lines import Context, Drawn, Line
from vitcore.probes.shapes import Changes, Curves, LayersAndHeads, LayerSeries, Maps, Matrix, Shape
from vitcore.probes.values import Values


def draw(lines: Sequence[Line[Values]], context: Context) -> list[Drawn]:
    """Draw all figures of an experiment. Each shows one quantity of all models."""
    groups: dict[tuple[type[Shape], str], list[Line[Any]]] = {}
    for line in lines:
        for shape in line.values.shapes():
            groups.setdefault((type(shape), shape.quantity), []).append(line.of(shape))
    return [drawn for (kind, _), group in groups.items() for drawn in FIGURES[kind](group, context)]


def _curves(lines: list[Line[Curves]], context: Context) -> list[Drawn]:
    return [Drawn(figures.curves(lines, context.chance, context.view), context.question)]


def _depth(lines: list[Line[LayerSeries]], context: Context) -> list[Drawn]:
    return [Drawn(figures.depth(lines), lines[0].values.alt or context.question)]


def _distances(lines: list[Line[LayersAndHeads]], context: Context) -> list[Drawn]:
    notes = dict.fromkeys(line.values.note.format(label=line.label) for line in lines if line.trained)
    foot = " ".join(filter(None, notes))
    return [Drawn(figures.distances(lines), lines[0].values.alt or context.question, foot=foot)]


def _matrices(lines: list[Line[Matrix]], context: Context) -> list[Drawn]:
    drawn = []
    for line in lines:
        trained = "Both trained" if line.trained else "Both untrained"
        drawn.append(Drawn(figures.likeness(line), f"{context.question} {trained}.", f"**{trained}**"))
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


def _changes(lines: list[Line[Changes]], context: Context) -> list[Drawn]:
    share = lines[0].values.quantity
    counts = [line.images for line in lines]
    equal = len(set(counts)) == 1  # counts can differ while the experiment runs
    parts = []
    for line, count in zip(lines, counts, strict=True):
        base = line.values.base
        part = f"{line.label} {100 * base.mean:.1f} ± {100 * base.error:.1f} %"
        parts.append(part if equal else f"{part} (n = {count:,})")
    head = f"{share.capitalize()} of the complete models: {', '.join(parts)}"
    head += f" (n = {counts[0]:,})." if equal else "."
    drawn = [Drawn(figures.blocks(lines), f"change of {share} without each block", head)]
    tables = [(line, line.values.without_head) for line in lines if line.values.without_head]
    top = max([1.0, *(100 * float(np.abs(table.mean).max()) for _, table in tables)])  # percentage points
    for line, table in tables:
        head = f"**{line.label}: change of {share} without one head, in percentage points**"
        alt = f"{line.label}: change of {share} without each head"
        drawn.append(Drawn(figures.heads(line, table, top), alt, head))
    return drawn


FIGURES: dict[type[Shape], Callable[[list[Line[Any]], Context], list[Drawn]]] = {
    Curves: _curves,
    LayerSeries: _depth,
    LayersAndHeads: _distances,
    Changes: _changes,
    Matrix: _matrices,
    Maps: _maps,
}
