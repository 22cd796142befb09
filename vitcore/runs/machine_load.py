"""What the machine says while something is measured: how busy other programs keep the processors, and the
most memory that this process had.
"""

from __future__ import annotations

import contextlib

import psutil


class Load:
    """How busy other programs keep the processors from now on.

    They decide what a step takes: with one of two cores taken, a step of two threads that wait for each other
    was measured at eight times its time alone.
    """

    def __init__(self) -> None:
        self.before = self._look()

    @staticmethod
    def _look() -> tuple[float, float, float]:
        """Seconds of processors so far: (all, idle, this process)."""
        every, own = psutil.cpu_times(), psutil.Process().cpu_times()
        idle = every.idle + getattr(every, "iowait", 0.0)
        guest = getattr(every, "guest", 0.0) + getattr(every, "guest_nice", 0.0)  # is in user and nice, too
        return sum(every) - guest, idle, own.user + own.system

    @property
    def others(self) -> float:
        """Their share of all processor time."""
        whole, idle, own = (now - then for now, then in zip(self._look(), self.before, strict=True))
        return min(1.0, max(0.0, (whole - idle - own) / whole)) if whole > 0 else 0.0


def peak_memory() -> int:
    """Bytes that this process had at most. On Linux not getrusage, which counts the parent's."""
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    about = psutil.Process().memory_info()
    if hasattr(about, "peak_wset"):  # Windows
        return about.peak_wset
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
