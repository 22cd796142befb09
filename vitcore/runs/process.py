"""Identify, end and monitor processes. Does not import torch.

A process is identified by PID, start time and boot id, so that a reused PID is not mistaken for it. The
module also counts the processes that the system killed because it was out of memory.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import socket
from pathlib import Path
from typing import Any, Literal

import psutil

TOLERANCE_S = 2.0  # the clocks of /proc and time.time() differ by rounding
FIRST_PID_NAMESPACE = "pid:[4026531836]"  # the same on every Linux machine, outside of containers
MARK = "VITLAB_RUN"  # environment variable of a training and all its child processes: its run folder


def hostname() -> str:
    """Return the name of this host, as recorded in status.json."""
    return socket.gethostname()


@functools.cache
def boot_id() -> str:
    """Return an id that changes with every boot of the machine. It identifies the machine.

    A container with its own PID namespace counts as a separate machine, because the PIDs of other namespaces
    have no meaning in it.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"
    with contextlib.suppress(OSError):
        if (space := os.readlink("/proc/self/ns/pid")) != FIRST_PID_NAMESPACE:
            return f"{boot} {space}"
    return boot


def machine_id(boot: str | None = None) -> str:
    """Return a short name for file names of the machine with this boot id, by default of this machine.

    It does not change with the host name.
    """
    return hashlib.sha256((boot or boot_id()).encode()).hexdigest()[:12]


def start_time(pid: int) -> float | None:
    """Return the start time of a process in seconds since 1970, or None when it does not exist."""
    try:
        return psutil.Process(pid).create_time()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def look(pid: int, started: float | None) -> Literal["alive", "gone", "reused"]:
    """Return the state of a process. `reused`: another process has this PID now. A zombie is `gone`."""
    try:
        process = psutil.Process(pid)
        if started is not None and abs(process.create_time() - started) > TOLERANCE_S:
            return "reused"
        return "gone" if process.status() == psutil.STATUS_ZOMBIE else "alive"
    except psutil.NoSuchProcess:
        return "gone"
    except psutil.AccessDenied:
        return "alive"


def alive(pid: int, started: float | None) -> bool:
    """Return True when `pid` exists, was started at `started` (seconds since 1970) and is not a zombie."""
    return look(pid, started) == "alive"


def identity() -> dict[str, Any]:
    """Return the identity of this process as recorded in status.json."""
    pid = os.getpid()
    return {"pid": pid, "process_start": start_time(pid), "boot_id": boot_id(), "host": hostname()}


def end(pid: int, started: float | None, *, kill: bool) -> None:
    """Terminate or kill a process if it is still the one that was started."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        process = psutil.Process(pid)  # from here on, psutil itself detects a reused PID
        if started is not None and abs(process.create_time() - started) <= TOLERANCE_S:
            process.kill() if kill else process.terminate()


def kill_left_over(run: Path) -> None:
    """Kill the processes that an ended training left behind, such as those of a distributed training."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == str(run) and process.pid != os.getpid():
                process.kill()


def processors(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many processors this process may use: those it may run on, within a container's quota.

    A quota of 1.5 processors counts as 1, because a second thread would be stopped half of the time. Source:
    docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max), cgroup-v1 (cpu.cfs_quota_us).
    """
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        count = psutil.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        if (root / "cpu.max").is_file():
            quota, period = (root / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota, period = (
                (root / "cpu" / f"cpu.cfs_{name}_us").read_text(encoding="ascii")
                for name in ("quota", "period")
            )
        if quota != "max" and int(quota) > 0:
            count = min(count, max(1, int(quota) // int(period)))
    return count


def oom_kills(pid: int | str = "self") -> int | None:
    """Return how many processes of the control group of `pid` the out-of-memory killer has killed so far.

    Return None when that is unknown. On Linux, read cgroup v2's memory.events or v1's memory.oom_control. In
    the root group, use the count of the whole machine.
    """
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                base, name = "/sys/fs/cgroup", "memory.events"
            elif "memory" in controllers.split(","):
                base, name = "/sys/fs/cgroup/memory", "memory.oom_control"
            else:
                continue
            # Inside a container, the path may be that of the host, with the group mounted at the root.
            for place in (Path(base + path), Path(base)):
                if (count := _count(place / name)) is not None:
                    return count
        return _count(Path("/proc/vmstat"))
    return None


def _count(file: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return None
