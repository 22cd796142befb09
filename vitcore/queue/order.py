"""The order of the queued runs of this host: lock the queue, list it, move a run. Does not import torch.

The queue is sorted by the time `Status.queued`. Moving a run exchanges these times. Hold the lock to change
or start a queued run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from filelock import FileLock

from vitcore.errors import UserError
from vitcore.paths import check_allowed
from vitcore.runs import process
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.status import Status

Place = Literal["first", "up", "down", "last"]


def lock(home: Path) -> FileLock:
    """Return the lock to hold while a run joins or leaves the queue.

    Raise `UserError` when the folder is not writable.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        held = FileLock(home / ".queue.lock")
        held.acquire()
        held.release()
    except OSError as error:
        raise UserError(f"Cannot write to the runs folder {home}: {error.strerror}.") from None
    return held


def is_here(status: Status) -> bool:
    """Return whether a run belongs to this host."""
    return status.host in (None, process.hostname())


def waiting(home: Path) -> list[Run]:
    """Return the runs queued on this host, the next one first."""
    stored = [(run.stored_status(), run) for run in list_runs(home, bundled=False)]
    queued = [(status, run) for status, run in stored if status.state == "queued" and is_here(status)]
    queued.sort(key=lambda pair: (pair[0].queued or pair[0].created, pair[1].id))
    return [run for _, run in queued]


def move(run: Run, to: Place) -> None:
    """Move a queued run to the front, to the end, or one position up or down.

    Raise `UserError` when the run is not queued.
    """
    check_allowed()
    home = run.path.parent
    with lock(home):
        order = waiting(home)
        if run not in order:
            raise UserError(f"Run {run.id} is {run.status().state}: only a queued run can be moved.")
        times = sorted(w.stored_status().queued or w.stored_status().created for w in order)
        at = order.index(run)
        target = {"first": 0, "up": max(0, at - 1), "down": at + 1, "last": len(order)}[to]
        order.insert(target, order.pop(at))
        for waiter, when in zip(order, times, strict=True):
            status = waiter.stored_status()
            if status.queued != when:
                waiter.write_status(status.model_copy(update={"queued": when}))
