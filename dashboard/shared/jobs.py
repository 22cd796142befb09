"""Background jobs of the dashboard: measurements that run one at a time while pages show their progress.

A job continues when its visitor leaves the page. Its result is stored on disk, so that the visitor finds it
later. Visitors who start the same measurement share one job.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from vitcore.child import Child
from vitcore.errors import UserError
from vitcore.paths import check_allowed

TICK_S = 0.25  # between two looks at a child process
MAX_FINISHED = 64  # finished jobs whose outcome is remembered


class Step(Protocol):
    """What a measurement yields: how many images are done, of how many, and the values so far."""

    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def values(self) -> Any: ...


@dataclass(frozen=True)
class Progress:
    """A step of a job that counts something else than images. `values` is its outcome, at its end."""

    done: int
    total: int
    values: Any = None


@dataclass
class Job:
    """One measurement. `last` is its newest step, and `error` is a sentence if it failed."""

    key: str
    last: Step | None = None
    error: str = ""
    over: bool = False
    waiting: bool = True  # until another measurement ends
    began: float = field(default_factory=time.time)
    canceled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """End the job at its next step and discard its result."""
        self.canceled.set()


_jobs: dict[str, Job] = {}
_lock = threading.Lock()
_turn = threading.Lock()  # a measurement uses all cores, so only one runs


def start(key: str, steps: Callable[[], Iterator[Step]], *, computes: bool = True, busy: str = "") -> Job:
    """Start a measurement and return its job. If a job with this key is active, return that job.

    A job that computes waits for its turn. One that does not, such as a download, starts at once. Raise
    `UserError` in read-only mode, whatever the page offered. Raise it with the sentence `busy`, if there is
    one, instead of returning an active job.
    """
    check_allowed()
    with _lock:
        job = _jobs.get(key)
        if job and not job.over and not job.canceled.is_set():
            if busy:
                raise UserError(busy)
            return job
        _jobs.pop(key, None)  # the newest is last
        job = _jobs[key] = Job(key)
        for old in [k for k, j in _jobs.items() if j.over][:-MAX_FINISHED]:
            del _jobs[old]
    threading.Thread(
        target=_run,
        args=(job, steps, _turn if computes else threading.Lock()),
        name=f"job {key}",
        daemon=True,
    ).start()
    return job


def find(key: str) -> Job | None:
    """Return the newest job with this key, active or finished. None if there is none or it was canceled."""
    job = _jobs.get(key)
    return None if job is None or job.canceled.is_set() else job


def running(key: str) -> bool:
    """Return whether a job with this key runs or waits for its turn."""
    job = find(key)
    return bool(job and not job.over)


def progress_of(child: Child) -> Iterator[Progress]:
    """Yield what a child process reports until it ends."""
    for _ in child.ticks(TICK_S):
        yield Progress(*(child.progress or (0, 0)))


def _run(job: Job, steps: Callable[[], Iterator[Step]], turn: threading.Lock) -> None:
    try:
        while not turn.acquire(timeout=0.2):
            if job.canceled.is_set():
                return
        try:
            job.waiting = False
            for step in steps():
                job.last = step
                if job.canceled.is_set():
                    return
        finally:
            turn.release()
    except UserError as error:
        job.error = str(error)
    except Exception as error:  # nobody would see an exception in a thread
        job.error = f"The job failed unexpectedly: {type(error).__name__}: {error}"
        raise
    finally:
        job.over = True
