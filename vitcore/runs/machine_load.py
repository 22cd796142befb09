"""Measure the CPU load of other programs, and the peak memory of this process, during a benchmark."""

from __future__ import annotations

import contextlib

import psutil

BUSY = 0.2  # a larger share of the processors used by other programs is mentioned with a measurement


class Load:
    """The CPU load of other programs since this object was created.

    Other programs strongly affect the time of a step. With one of two cores busy, a step of two threads that
    wait for each other was measured to take eight times as long as on an idle machine.
    """

    def __init__(self) -> None:
        self.before = self._look()

    @staticmethod
    def _look() -> tuple[float, float, float]:
        """Return CPU seconds so far: (all, idle, this process)."""
        every, own = psutil.cpu_times(), psutil.Process().cpu_times()
        idle = every.idle + getattr(every, "iowait", 0.0)
        guest = getattr(every, "guest", 0.0) + getattr(every, "guest_nice", 0.0)  # part of user and nice
        return sum(every) - guest, idle, own.user + own.system

    @property
    def others(self) -> float:
        """The share of all CPU time that other programs used, 0 to 1."""
        total, idle, own = (now - then for now, then in zip(self._look(), self.before, strict=True))
        return min(1.0, max(0.0, (total - idle - own) / total)) if total > 0 else 0.0


def peak_memory() -> int:
    """Return the peak memory of this process in bytes.

    On Linux this does not use getrusage, which includes the parent's memory.
    """
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    about = psutil.Process().memory_info()
    if hasattr(about, "peak_wset"):  # Windows
        return about.peak_wset
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
