"""The order of the queued runs of this host: lock the queue, list it, move a run. Does not import torch.

The queue is sorted by the time `Status.queued`. Moving a run changes its time. Hold the lock to change or
start a queued run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from vitcore.errors import UserError
from vitcore.paths import check_allowed
from vitcore.runs import process
from vitcore.runs.files import writing
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.status import LATEST, Status

Place = Literal["first", "up", "down", "last"]
LOCK_S = 10.0  # seconds to wait for the lock; it is held for fractions of a second


@contextlib.contextmanager
def lock(home: Path) -> Iterator[None]:
    """Hold the lock under which a run joins or leaves the queue.

    Raise `UserError` when the folder is not writable, also inside the block, or when another process holds
    the lock for too long.
    """
    held = FileLock(home / ".queue.lock")
    with writing(home):
        home.mkdir(parents=True, exist_ok=True)
        try:
            held.acquire(timeout=LOCK_S)
        except Timeout:
            raise UserError(
                f"Another process has held the queue of {home} for {LOCK_S:.0f} s: try again, or end the "
                "process that does not respond (a dashboard, a vitcore command or vitcore.queue.supervisor)."
            ) from None
        try:
            yield
        finally:
            held.release()


def is_here(status: Status) -> bool:
    """Return whether a run belongs to this machine, whose boot id remains when its host name changes."""
    return status.host in (None, process.hostname()) or status.boot_id == process.boot_id()


def waiting(home: Path) -> list[Run]:
    """Return the runs queued on this machine, the next one first."""
    return sort_queue(list_runs(home, bundled=False))


def sort_queue(runs: Iterable[Run]) -> list[Run]:
    """Return those of the runs that are queued on this machine, the next one first."""
    found = [(run.stored_status(), run) for run in runs]
    queued = [(_time(status), run.id, run) for status, run in found if _waits(status)]
    return [run for *_, run in sorted(queued, key=lambda entry: entry[:2])]


def _waits(status: Status) -> bool:
    return status.state == "queued" and is_here(status)


def _time(status: Status) -> float:
    return status.created if status.queued is None else status.queued


def move(run: Run, to: Place) -> None:
    """Move a queued run to the front, to the end, or one position up or down.

    Raise `UserError` when the run is not queued.
    """
    check_allowed()
    run.check_exists()
    home = run.path.parent
    with lock(home):
        order = waiting(home)
        if run not in order:
            raise UserError(f"Run {run.id} is {run.status().state}: only a queued run can be moved.")
        if len(order) == 1:
            return
        index = order.index(run)
        others = order[:index] + order[index + 1 :]
        target = {"first": 0, "up": max(0, index - 1), "down": index + 1, "last": len(others)}[to]
        times = [_time(other.stored_status()) for other in others]
        if (when := _between(times, target)) is not None:
            _set_time(run, when)
            return
        others.insert(target, run)  # no time is left between two neighbors: renumber all of them
        first = min(max(min(times), 0.0), LATEST - len(others))
        for position, queued in enumerate(others):
            _set_time(queued, first + position)


def _between(times: list[float], position: int) -> float | None:
    """Return a time that sorts into this position of ascending times, or None if there is none.

    The times of a clock that was wrong can be at the bounds of `Status`.
    """
    if not times:
        return None
    if position <= 0:
        return times[0] - 1.0 if times[0] >= 1.0 else None
    if position >= len(times):
        return times[-1] + 1.0 if times[-1] <= LATEST - 1.0 else None
    before, after = times[position - 1], times[position]
    middle = (before + after) / 2
    return middle if before < middle < after else None


def _set_time(run: Run, when: float) -> None:
    status = run.stored_status()
    if status.queued != when:
        run.write_status(status.model_copy(update={"queued": when}))
