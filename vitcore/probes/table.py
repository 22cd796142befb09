"""Convert a result to flat rows of plain values, for the terminal, CSV files and the page. No torch."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.probes import Outcome, View, find_probe
from vitcore.probes.shapes import Row
from vitcore.probes.store import UNTRAINED, Result


def rows(result: Result) -> list[Row]:
    """Return one row per measured number: model, quantity, position (x, layer, head), mean, error.

    The pixels of receptive fields are only in the JSON.
    """
    name = ", ".join(result.runs)
    return [{"model": name, **row} for row in result.values.rows()]


def as_csv(results: list[Result]) -> str:
    """Return the rows of several results, with their origin, as CSV."""
    found = [
        {**row, "images": r.images, "data": r.data, "date": r.date, "machine": r.machine, "commit": r.commit}
        for r in results
        for row in rows(r)
    ]
    fields = list(dict.fromkeys(name for row in found for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return out.getvalue()


def as_text(result: Result, baseline: Result | None = None, *, verbose: bool = False) -> str:
    """Return the result as aligned lines for a terminal, below a sentence about it.

    `baseline` is the result of the same models with random weights. Values that are too many to read, such as
    those of all positions of a landscape, are included if `verbose`.
    """
    found = list(result.values.rows() if verbose else result.values.brief_rows())
    fields = list(dict.fromkeys(name for row in found for name in row))
    lines = [fields, *([_cell(row.get(name, "")) for name in fields] for row in found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    body = "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines
    )
    who = ", ".join(result.runs)
    seen = f"{numbers.sample(result.images)} {result.data}" if result.images else result.data
    left_out = sum(1 for _ in result.values.rows()) - len(found)
    parts = [
        f"{result.title}: {who}. {seen}, {numbers.duration(result.seconds)}",
        finding_of(result, baseline),
        body,
        f"{left_out:,} more values with --verbose or --json" if left_out else "",
    ]
    return "\n".join(filter(None, parts))


def finding_of(result: Result, baseline: Result | None = None) -> str:
    """Return the sentence about a result, with the names of the architectures, or an empty string."""
    names = [ARCHITECTURES[model].label if model in ARCHITECTURES else model for model in result.models]
    names = names if len(set(names)) == len(names) else result.runs
    untrained = result.runs[0].startswith(UNTRAINED)
    label = UNTRAINED * (untrained and len(names) == 1) + names[0].removeprefix(UNTRAINED)
    other = names[1] if len(names) > 1 else ""
    outcome = Outcome(label, result.values, other, baseline.values if baseline else None)
    return find_probe(result.probe).find([outcome], View())


def _cell(value: Any) -> str:
    """Return a value of the table, which is empty for NaN, such as an error that cannot be estimated."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4f}"
    return str(value)
