"""Convert a result to flat rows of plain values, for the terminal, CSV files and the page. No torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from vitcore.probes.shapes import Row
from vitcore.probes.store import Result
from vitcore.probes.values import Values


def rows(result: Result) -> list[Row]:
    """Return one row per measured number: model, quantity, position (x, layer, head), mean, error.

    The pixels of receptive fields are only in the JSON.
    """
    name, values = ", ".join(result.runs), result.values
    found = values.rows() if isinstance(values, Values) else _scores(values)
    return [{"model": name, **row} for row in found]


def _scores(values: dict[str, Any]) -> Iterator[Row]:
    if "accuracy" not in values:
        for quantity in ("images_per_s", "batch", "memory_bytes", "base_bytes", "others"):
            yield {"quantity": quantity.replace("_", " "), "mean": values[quantity], "error": ""}
        for quantity, value in (values["training"] or {}).items():
            if quantity != "data":
                name = quantity.replace("_", " ").replace("counted", "steps")
                yield {"quantity": f"training, {name}", "mean": value, "error": ""}
        return
    accuracy, count = values["accuracy"], len(values["truth"])
    yield {"quantity": "accuracy", "mean": accuracy, "error": standard_error(accuracy, count)}
    yield {"quantity": "cross-entropy", "mean": values["loss"], "error": ""}
    bins = values["calibration"]["bins"]
    yield {"quantity": f"expected calibration error, {bins} bins", "mean": values["calibration"]["ece"],
           "error": ""}  # fmt: skip
    if trained := values["training"]:
        there, n = trained["accuracy"], trained["images"]
        error = standard_error(there, n)
        yield {"quantity": f"accuracy, {n:,} training images", "mean": there, "error": error}
        both = (error**2 + standard_error(accuracy, count) ** 2) ** 0.5
        yield {"quantity": "gap, training minus test", "mean": there - accuracy, "error": both}
    yield {"quantity": "parameters", "mean": values["parameters"], "error": ""}
    yield {"quantity": "multiply-adds of an image", "mean": values["multiply_adds"], "error": ""}
    each = values["class_accuracy"]
    for name, mean, error in zip(values["classes"], each["mean"], each["error"], strict=True):
        yield {"quantity": f"accuracy, {name}", "mean": mean, "error": error}


def standard_error(share: float, count: int) -> float:
    """Return the binomial standard error of a share of `count` images."""
    return (share * (1 - share) / max(1, count)) ** 0.5


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
    seen = f"n = {result.images:,} {result.data}" if result.images else result.data
    return f"{result.title}: {who}. {seen}, {result.seconds:.1f} s\n{body}"


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
