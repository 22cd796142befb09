"""Processes: whether one is still the one that was started (PID + start time + boot id), how to end it, and
whether the system killed some for want of memory. No torch.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
from pathlib import Path
from typing import Any, Literal

import psutil

TOLERANCE_S = 2.0  # clocks of /proc and of time.time() differ by rounding
MARK = "VITLAB_RUN"  # in the environment of a training and of everything that it starts: its run folder


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


def look(pid: int, started: float | None) -> Literal["alive", "gone", "reused"]:
    """`reused`: somebody else has this number now. A zombie is gone."""
    try:
        found = psutil.Process(pid)
        if started is not None and abs(found.create_time() - started) > TOLERANCE_S:
            return "reused"
        return "gone" if found.status() == psutil.STATUS_ZOMBIE else "alive"
    except psutil.NoSuchProcess:
        return "gone"
    except psutil.AccessDenied:
        return "alive"


def alive(pid: int, started: float | None) -> bool:
    """True when `pid` exists, began at `started` (seconds since 1970) and is not a zombie."""
    return look(pid, started) == "alive"


def identity() -> dict[str, Any]:
    """This process, as status.json records it."""
    pid = os.getpid()
    return {"pid": pid, "process_start": start_time(pid), "boot_id": boot_id(), "host": hostname()}


def end(pid: int, started: float | None, *, kill: bool) -> None:
    """Terminate or kill a process, when it is still the one that was started."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        found = psutil.Process(pid)  # psutil itself refuses when the number is reused from here on
        if started is not None and abs(found.create_time() - started) <= TOLERANCE_S:
            found.kill() if kill else found.terminate()


def kill_left_over(run: Path) -> None:
    """Kill what a training that has ended left behind: the other processes of a distributed one."""
    for found in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if found.environ().get(MARK) == str(run) and found.pid != os.getpid():
                found.kill()


def oom_kills(pid: int | str = "self") -> int | None:
    """How many processes of the control group of `pid` the system has killed for want of memory so far.

    None where that is not to be known. Linux: cgroup v2's memory.events, v1's memory.oom_control, else, in
    the root group, the machine's own count.
    """
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                base, name = "/sys/fs/cgroup", "memory.events"
            elif "memory" in controllers.split(","):
                base, name = "/sys/fs/cgroup/memory", "memory.oom_control"
            else:
                continue
            # inside a container the path may be the host's, and the group is mounted at the root
            for place in (Path(base + path), Path(base)):
                if (count := _count(place / name)) is not None:
                    return count
        return _count(Path("/proc/vmstat"))
    return None


def _count(file: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return None
