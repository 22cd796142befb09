"""Convert a result to flat rows of plain values, for the terminal, CSV files and the page. No torch."""

from __future__ import annotations

import csv
import io
from typing import Any

from vitcore import numbers
from vitcore.probes.shapes import Row
from vitcore.probes.store import Result


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


def as_text(result: Result) -> str:
    """Return the result as aligned lines for a terminal."""
    found = rows(result)
    fields = [name for name in dict.fromkeys(n for row in found for n in row) if name not in ("model",)]
    lines = [fields, *([_cell(row.get(name, "")) for name in fields] for row in found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    body = "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines
    )
    who = ", ".join(result.runs)
    seen = f"{numbers.sample(result.images)} {result.data}" if result.images else result.data
    return f"{result.title}: {who}. {seen}, {numbers.duration(result.seconds)}\n{body}"


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
