"""One detached process per runs folder and host that starts queued runs and writes down how they ended. No
torch.

It is started on demand, guarded by a lock, and ends when nothing has been queued or running for a while.
Trainings are its children, each in a session of its own: they outlive it, and the next supervisor finds them
again by their process identity. One training at a time; the order is that of launching.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from vitcore.runs import process
from vitcore.runs.folder import HERE, Run, derive, list_runs

TICK_S = 0.5
IDLE_S = 10.0


def lock_path(home: Path) -> Path:
    return home / f".supervisor-{process.hostname()}.lock"


def ensure_supervisor(home: Path) -> None:
    """Start a supervisor for a runs folder unless one lives. Call it after the run was queued."""
    lock = FileLock(lock_path(home))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return  # one lives, and looks once more after giving up its lock
    lock.release()
    _detached([sys.executable, "-m", "vitcore.runs.supervisor", str(home)], home / ".supervisor.log")


def _detached(command: list[str], log: Path, **environment: str) -> subprocess.Popen:
    paths = [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"},
        )


class Supervisor:
    """The loop. `tick` does one round and says whether there is anything to do."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.children: dict[str, subprocess.Popen] = {}

    def tick(self) -> bool:
        """Record ended runs, take stopped ones off the queue, start the next; True while any is queued or
        running.
        """
        queued, running = [], []
        for run in sorted(list_runs(self.home, bundled=False), key=lambda run: run.stored_status().created):
            status = run.stored_status()
            if status.state == "queued":
                queued.append(run)
            elif status.state in ("running", "stopping") and self._still_runs(run):
                running.append(run)
        for run in [run for run in queued if run.stop_request.exists()]:
            end = {"state": "stopped", "reason": "taken off the queue", "ended": time.time()}
            run.write_status(run.stored_status().model_copy(update=end))
            run.stop_request.unlink(missing_ok=True)
            queued.remove(run)
        if queued and not running:
            self._start(queued[0])
        return bool(queued or running)

    def _start(self, run: Run) -> None:
        status = run.stored_status()
        if status.state != "queued":
            return
        extra = {"VITLAB_DATA": status.data_dir} if status.data_dir else {}
        child = _detached([sys.executable, "-m", "vitcore.training", str(run.path)], run.log, **extra)
        self.children[run.id] = child
        now = {"state": "running", "reason": "starting", "heartbeat": time.time(), "started": time.time()}
        now |= process.identity() | {"pid": child.pid, "process_start": process.start_time(child.pid)}
        run.write_status(status.model_copy(update=now))

    def _still_runs(self, run: Run) -> bool:
        """Whether a run takes this host's slot; records its end when its process is gone."""
        child = self.children.get(run.id)
        code = child.poll() if child else None  # also reaps it
        status = run.stored_status()  # read after the poll: an ended child has written its last word
        if status.state not in ("running", "stopping") or status.host != process.hostname():
            self.children.pop(run.id, None)
            return False
        seen = derive(status)
        if code is None and seen.state in ("running", "stopping"):
            return True
        if child and code is None and status.pid == child.pid:
            code = child.wait()  # it ended between the two looks: how, only its exit code tells
        if code is not None and status.pid != child.pid:  # somebody else trains it, in the foreground
            self.children.pop(run.id)
            return True
        if code is not None:
            seen = seen.model_copy(update={"state": "failed", "reason": _how(code)})
        try:
            run.write_status(seen.model_copy(update={"ended": time.time(), "eta_s": None}))
        except OSError:  # a full disk: it is gone all the same, and the next round tries again
            return False
        self.children.pop(run.id, None)
        run.stop_request.unlink(missing_ok=True)
        return False


def _how(code: int) -> str:
    if code < 0:
        return f"killed (signal {-code}); resume goes on from the last checkpoint"
    return f"its process ended with code {code}; see train.log"


def main(home: Path) -> None:
    """Supervise a runs folder until nothing is left to do; at once when another supervisor lives."""
    while True:
        lock = FileLock(lock_path(home))
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return
        with lock:
            supervisor, idle_since = Supervisor(home), time.monotonic()
            while time.monotonic() - idle_since < IDLE_S:
                if supervisor.tick():
                    idle_since = time.monotonic()
                time.sleep(TICK_S)
        # whoever queued a run while the lock was still held relies on this second look
        if not any(run.stored_status().state == "queued" for run in list_runs(home, bundled=False)):
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
