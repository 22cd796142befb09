"""The order of the runs that wait on this host: its lock, who is where, and moving somebody. No torch.

The order is `Status.queued`, a time; moving exchanges times. Whoever changes a waiting run, or starts one,
holds the lock.
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
    """Held while a run joins or leaves the queue. Raises `UserError` where the folder cannot be written."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        held = FileLock(home / ".queue.lock")
        held.acquire()
        held.release()
    except OSError as error:
        raise UserError(f"Cannot write to the runs folder {home}: {error.strerror}.") from None
    return held


def is_here(status: Status) -> bool:
    """Whether a run waits for this host."""
    return status.host in (None, process.hostname())


def waiting(home: Path) -> list[Run]:
    """The runs that wait on this host, the next one first."""
    found = [(run.stored_status(), run) for run in list_runs(home, bundled=False)]
    queued = [(status, run) for status, run in found if status.state == "queued" and is_here(status)]
    queued.sort(key=lambda pair: (pair[0].queued or pair[0].created, pair[1].id))
    return [run for _, run in queued]


def move(run: Run, to: Place) -> None:
    """Let a waiting run be first, last, or one place up or down. Raises `UserError` when it does not wait."""
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
