"""Commands about runs: list, stop, describe, delete."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from vitcore import numbers
from vitcore.cli import Json, RunName, RunNames, RunsDir, app, to_json
from vitcore.errors import UserError


class Place(StrEnum):
    """The positions to which a queued run can be moved."""

    FIRST = "first"
    UP = "up"
    DOWN = "down"
    LAST = "last"


@app.command()
def runs(as_json: Json = False, runs_dir: RunsDir = None) -> None:
    """List the bundled runs and your own."""
    from vitcore.runs.listing import as_rows, print_table

    rows = as_rows(runs_dir)
    if as_json:
        print(to_json(rows))
    else:
        print_table(rows)


@app.command()
def stop(
    runs: RunNames,
    now: Annotated[bool, typer.Option("--now", help="Stop at once, without saving.")] = False,
    runs_dir: RunsDir = None,
) -> None:
    """Ask queued or running trainings to save and stop."""
    from vitcore.queue import launch as background
    from vitcore.runs.folder import find_run
    from vitcore.runs.status import printable

    for found in [find_run(run, runs_dir) for run in runs]:  # refuse a wrong name before any run is stopped
        background.stop(found, now=now)
        done = "Stopped" if found.status().state == "stopped" else "Stopping"  # a training saves first
        print(f"{done} {printable(found.id)}.")


@app.command()
def move(
    run: RunName,
    to: Annotated[Place, typer.Argument(help="first, up, down or last.")],
    runs_dir: RunsDir = None,
) -> None:
    """Move a queued run to another position in the queue."""
    from vitcore.queue import order
    from vitcore.runs.folder import find_run
    from vitcore.runs.status import printable

    found = find_run(run, runs_dir)
    before = order.waiting(found.path.parent)
    order.move(found, to.value)
    after = order.waiting(found.path.parent)
    if found not in after:
        print(f"{printable(found.id)} has left the queue in the meantime.")  # a supervisor started it
        return
    verb = "is" if before == after else "is now"
    print(f"{printable(found.id)} {verb} number {after.index(found) + 1} of {len(after)} in the queue.")


@app.command("take-over")
def take_over(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...")],
    runs_dir: RunsDir = None,
) -> None:
    """Queue runs on this machine that wait on another machine which is gone."""
    from vitcore.queue import launch as background
    from vitcore.runs.folder import find_run
    from vitcore.runs.status import printable

    for run in [find_run(name, runs_dir) for name in runs]:
        background.take_over(run)
        print(f"Queued {printable(run.id)} on this machine.")


@app.command()
def devices(as_json: Json = False) -> None:
    """List this machine's devices: name, memory, load. `launch --device KEY` waits for one of them."""
    from vitcore.queue.devices import as_row, list_devices

    available = list_devices()
    if as_json:
        print(to_json([as_row(device) for device in available]))
        return
    for device in available:
        parts = [device.key, device.name]
        if device.memory:
            parts.append(f"{(device.used or 0) / 1e9:.1f} of {device.memory / 1e9:.1f} GB used")
        if device.load is not None:
            parts.append(f"load {numbers.percent(device.load, 0)}")
        print("  ".join(parts))


@app.command()
def describe(
    run: RunName,
    title: Annotated[str | None, typer.Option(help="The new title.")] = None,
    note: Annotated[str | None, typer.Option(help="The new note.")] = None,
    runs_dir: RunsDir = None,
) -> None:
    """Change a run's title or note. An empty string removes it."""
    from vitcore.runs import edit
    from vitcore.runs.folder import find_run
    from vitcore.runs.status import printable

    if title is None and note is None:
        raise UserError("Nothing to change: give --title or --note.")
    found = find_run(run, runs_dir)
    before = found.meta
    edit.describe(found, title, note)
    after, name = found.meta, printable(found.id)
    for field, given in (("title", title), ("note", note)):
        old, new = getattr(before, field), getattr(after, field)
        if given is None:
            continue
        if not new:
            print(f"Removed the {field} of {name}." if old else f"{name} has no {field}, as before.")
        else:
            state, text = "as before" if old == new else "now", " ".join(new.split())
            print(f"The {field} of {name} is {state}: {printable(text)}")


@app.command()
def delete(runs: RunNames, runs_dir: RunsDir = None) -> None:
    """Delete runs that have ended, permanently."""
    from vitcore.runs import edit
    from vitcore.runs.folder import find_run
    from vitcore.runs.status import printable

    for found in [find_run(run, runs_dir) for run in runs]:  # refuse a wrong name before any run is deleted
        edit.delete(found, runs_dir)
        print(f"Deleted {printable(found.id)}.")


@app.command()
def tensorboard(
    port: Annotated[int, typer.Option(help="The port on this machine.", min=1, max=65535)] = 6006,
    runs_dir: RunsDir = None,
) -> None:
    """Open TensorBoard on the bundled runs and your own, with graphs and hyperparameters."""
    from vitcore.tensorboard import serve

    raise typer.Exit(serve(runs_dir, port))
