"""Tables of runs, for the command line and the dashboard. Does not import torch."""

from __future__ import annotations

import contextlib
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.integrity import weights_fault
from vitcore.runs.status import printable
from vitcore.runs.titles import epochs_title, planned_epochs

USUAL_CELL = 48  # characters; the ids of runs that were not renamed have about 40 at most
# the bytes of file names that are not in the encoding of the system, as Python decodes them
UNDECODED = "".join(map(chr, range(0xDC80, 0xDD00)))


def as_rows(root: str | Path | None = None) -> list[dict[str, Any]]:
    """Return one dictionary of plain types per run, bundled runs first.

    Runs with an invalid config.yaml are listed as broken, with the reason.
    """
    return [as_row(run) for run in list_runs(root)]


def as_row(run: Run) -> dict[str, Any]:
    """Return a run as one dictionary of plain types, with placeholders if its config.yaml is invalid.

    `weights_fault` is "weights damaged" or "weights missing", and `weights_reason` the sentence about it.
    Both are empty for sound weights.
    """
    status, meta = run.status(), run.meta
    fault = weights_fault(run, status)
    try:
        config = run.config
        what = {"model": config.model, "recipe": config.recipe, "data": config.data}
        what |= {"epochs": planned_epochs(config)}
        state, reason = status.state, status.reason
    except UserError as error:
        what = {"model": "?", "recipe": "?", "data": "?", "epochs": None}
        state, reason = "broken", str(error)
    return {
        "id": run.id,
        "title": meta.title or run.id,
        "note": meta.note,
        "pair": meta.pair,
        "sweep": meta.sweep and meta.sweep.name,
        "state": state,
        "reason": reason,
        "weights_fault": str(fault or ""),
        "weights_reason": fault.sentence if fault else "",
        **what,
        "epoch": status.epoch,
        "created": status.created,
        "val_acc": status.result.get("val_acc"),
        "test_acc": status.result.get("test_acc"),
        "n_test": status.result.get("n_test"),
        "minutes": status.active_s / 60,
        "size_bytes": size_of(run.path),
        "bundled": run.bundled,
        "path": str(run.path),
    }


def state_of(row: dict[str, Any]) -> str:
    """Return the state of a row as tables show it, with what is wrong with the weights."""
    return ", ".join(filter(None, (row["state"], row["weights_fault"])))


def size_of(place: Path) -> int:
    """Return the total size in bytes of all files in a run folder."""
    total = 0
    with contextlib.suppress(OSError):
        for entry in os.scandir(place):
            if entry.is_dir(follow_symlinks=False):
                total += size_of(Path(entry.path))
            else:
                total += entry.stat(follow_symlinks=False).st_size
    return total


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print the rows to stdout in aligned columns, then what is wrong with broken runs.

    Cells are not truncated, so that ids can be copied.
    """
    lines = [("run", "state", "model", "data", "recipe", "epoch", "test", "minutes", "MB", "title")]
    for row in rows:
        accuracy = numbers.percent(row["test_acc"]) if row["test_acc"] is not None else ""
        model = ARCHITECTURES[row["model"]].label if row["model"] in ARCHITECTURES else row["model"]
        size = f"{row['size_bytes'] / 1e6:.0f}"
        progress, minutes = epochs_title(row["epoch"], row["epochs"], row["recipe"]), f"{row['minutes']:.1f}"
        words = (row["id"], state_of(row), model, row["data"], row["recipe"])
        title = row["title"] if row["title"] != row["id"] else ""
        lines.append((*words, progress, accuracy, minutes, size, title))
    print_aligned(lines, 5, text_last=True)
    for row in rows:
        if row["state"] == "broken":
            print(f"\n{printable(row['id'])} cannot be read. {printable(row['reason'])}")
        elif row["weights_fault"]:
            print(f"\n{printable(row['id'])} has {row['weights_fault']}. {printable(row['weights_reason'])}")


def print_aligned(lines: Sequence[Sequence[str]], left: int, *, text_last: bool = False) -> None:
    """Print lines of cells in columns. The first `left` columns are left-aligned, the rest right-aligned.

    With `text_last`, the last column is left-aligned, too.
    Cells may come from files of others and are printed without control characters. A cell that is much longer
    than the others of its column moves the rest of its own line only.
    """
    lines = [[printable(cell, also=UNDECODED) for cell in line] for line in lines]
    widths = [_width(list(map(len, column))) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.ljust(w) if i < left or (text_last and i == len(line) - 1) else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def _width(lengths: Sequence[int]) -> int:
    """Return the width of a column: its longest cell, without exceptionally long ones."""
    usual = max(USUAL_CELL, 2 * statistics.median_low(lengths))
    return max(length for length in lengths if length <= usual)
