"""Measurements in the background of the dashboard: watched by a page, cancelled by a click, one at a time.

A job outlives the page that started it and its result is kept on disk, so that somebody who comes back finds
it. Two visitors who ask for the same share one job.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from vitcore.errors import UserError

KEPT = 64  # finished jobs whose outcome is remembered


class Step(Protocol):
    """What a measurement yields: images done of how many, and the values so far."""

    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def values(self) -> Any: ...


@dataclass
class Job:
    """One measurement. `last` is its newest step; `error` a sentence where it failed."""

    key: str
    last: Step | None = None
    error: str = ""
    over: bool = False
    waiting: bool = True  # for another measurement
    began: float = field(default_factory=time.time)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """End it at its next step; nothing is kept."""
        self.cancelled.set()


_jobs: dict[str, Job] = {}
_lock = threading.Lock()
_turn = threading.Lock()  # both cores work for one measurement


def start(key: str, steps: Callable[[], Iterator[Step]]) -> Job:
    """Begin a measurement, unless one of that key is under way: then that one."""
    with _lock:
        job = _jobs.get(key)
        if job and not job.over and not job.cancelled.is_set():
            return job
        job = _jobs[key] = Job(key)
        for old in [k for k, j in _jobs.items() if j.over][:-KEPT]:
            del _jobs[old]
    threading.Thread(target=_work, args=(job, steps), name=f"job {key}", daemon=True).start()
    return job


def find(key: str) -> Job | None:
    """The job of that key that is under way, or how the last one ended; None for a cancelled one."""
    job = _jobs.get(key)
    return None if job is None or job.cancelled.is_set() else job


def running(key: str) -> bool:
    """Whether a job of that key is under way, or waits for its turn."""
    job = find(key)
    return bool(job and not job.over)


def _work(job: Job, steps: Callable[[], Iterator[Step]]) -> None:
    try:
        while not _turn.acquire(timeout=0.2):
            if job.cancelled.is_set():
                return
        try:
            job.waiting = False
            for step in steps():
                job.last = step
                if job.cancelled.is_set():
                    return
        finally:
            _turn.release()
    except UserError as error:
        job.error = str(error)
    except Exception as error:  # a thread's exception would be seen by nobody
        job.error = f"The measurement failed: {type(error).__name__}: {error}"
        raise
    finally:
        job.over = True
