"""Commands about runs: list, stop, describe, delete."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from vitcore.cli import Json, RunName, RunsDir, app
from vitcore.errors import UserError


@app.command()
def runs(as_json: Json = False, runs_dir: RunsDir = None) -> None:
    """List the bundled and your own runs."""
    from vitcore.runs.listing import as_rows, print_table

    rows = as_rows(runs_dir)
    if as_json:
        print(json.dumps(rows))
    else:
        print_table(rows)


@app.command()
def stop(run: RunName, runs_dir: RunsDir = None) -> None:
    """Ask a queued or running training to save and end."""
    from vitcore.runs import launch as background
    from vitcore.runs.folder import find_run

    background.stop(find_run(run, runs_dir))


@app.command()
def describe(
    run: RunName,
    title: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    note: Annotated[str | None, typer.Option(help="What to remember about it.")] = None,
    runs_dir: RunsDir = None,
) -> None:
    """Change a run's title or note."""
    from vitcore.runs import manage
    from vitcore.runs.folder import find_run

    if title is None and note is None:
        raise UserError("Nothing to change: give --title or --note.")
    manage.describe(find_run(run, runs_dir), title, note)


@app.command()
def delete(run: RunName, runs_dir: RunsDir = None) -> None:
    """Remove a run that is over, for good."""
    from vitcore.runs import manage
    from vitcore.runs.folder import find_run

    manage.delete(find_run(run, runs_dir), runs_dir)
