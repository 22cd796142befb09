"""Runs as a table: for the command line and the page. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError
from vitcore.runs.folder import Run, list_runs


def as_rows(root: str | Path | None = None) -> list[dict[str, Any]]:
    """A dictionary of plain types per run, bundled ones first; runs with a broken config.yaml are listed as
    such.
    """
    return [as_row(run) for run in list_runs(root)]


def as_row(run: Run) -> dict[str, Any]:
    status = run.status()
    try:
        config = run.config
        what = {"model": config.model, "recipe": config.recipe, "data": config.data, "epochs": config.epochs}
    except UserError:
        what = {"model": "?", "recipe": "?", "data": "?", "epochs": 0}
    return {
        "id": run.id,
        "title": run.title,
        "state": status.state,
        "reason": status.reason,
        **what,
        "epoch": status.epoch,
        "test_acc": status.result.get("test_acc"),
        "n_test": status.result.get("n_test"),
        "minutes": status.active_s / 60,
        "bundled": run.bundled,
        "path": str(run.path),
    }


def print_table(rows: list[dict[str, Any]]) -> None:
    """The rows on stdout, aligned; never cut, so that ids can be copied."""
    lines = [("run", "state", "model", "data", "recipe", "epoch", "test", "minutes")]
    for row in rows:
        accuracy = f"{100 * row['test_acc']:.2f} %" if row["test_acc"] is not None else ""
        model = ARCHITECTURES[row["model"]].label if row["model"] in ARCHITECTURES else row["model"]
        progress, minutes = f"{row['epoch']:.1f}/{row['epochs']}", f"{row['minutes']:.1f}"
        lines.append(
            (row["id"], row["state"], model, row["data"], row["recipe"], progress, accuracy, minutes)
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.ljust(w) if i < 5 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
