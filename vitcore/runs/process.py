"""Whether a process is still the one that was started: PID + start time + boot id. No torch."""

from __future__ import annotations

import functools
import os
import socket
from pathlib import Path

import psutil

TOLERANCE_S = 2.0  # clocks of /proc and of time.time() differ by rounding


def hostname() -> str:
    return socket.gethostname()


@functools.cache
def boot_id() -> str:
    """Changes with every start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"


def start_time(pid: int) -> float | None:
    """When the process began, seconds since 1970; None when there is none."""
    try:
        return psutil.Process(pid).create_time()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def alive(pid: int, started: float | None) -> bool:
    """True when `pid` exists, began at `started` (seconds since 1970) and is not a zombie."""
    try:
        found = psutil.Process(pid)
        same = started is None or abs(found.create_time() - started) <= TOLERANCE_S
        return same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def identity() -> dict[str, object]:
    """This process, as status.json records it."""
    pid = os.getpid()
    return {"pid": pid, "process_start": start_time(pid), "boot_id": boot_id(), "host": hostname()}
