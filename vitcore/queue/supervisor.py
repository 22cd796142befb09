"""One detached process per runs folder and host that starts queued runs and writes down how they ended. No
torch.

It is started on demand, guarded by a lock, and ends when nothing has been queued or running for a while.
Trainings are its children, each in a session of its own: they outlive it, and the next supervisor finds them
again by their process identity. Every device trains one run at a time; the order is the queue's
(`vitcore.queue.order`), and a device is free again when the process is gone, whatever ended it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from vitcore.errors import UserError
from vitcore.paths import HERE
from vitcore.queue import order
from vitcore.queue.devices import Device, assign, device_request, environment, list_devices, occupied_devices
from vitcore.runs import process
from vitcore.runs.folder import SAVE_S, TERMINATE_S, Run
from vitcore.runs.status import Status, derive

TRAINER = os.environ.get("VITLAB_TRAINER") or "vitcore.training"  # the variable is a hook for tests
TICK_S = 0.5
IDLE_S = 10.0
LIST_EVERY_S = 10.0  # between two looks at the devices
GOES_ON = "resume goes on from the last checkpoint"


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
    _detached([sys.executable, "-m", "vitcore.queue.supervisor", str(home)], home / ".supervisor.log")


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
    """The loop. `tick` does one round and says whether there is anything to do.

    `devices` lists what can be given away; `limits` are the seconds that a run has to save, and then to end,
    when it was asked to stop.
    """

    def __init__(
        self,
        home: Path,
        devices: Callable[[], Sequence[Device]] = list_devices,
        limits: tuple[float, float] = (SAVE_S, TERMINATE_S),
    ) -> None:
        self.home, self.limits = home, limits
        self.children: dict[str, subprocess.Popen] = {}
        self.terminated: set[str] = set()
        self.seen: set[str] = set()  # running
        self.over: dict[str, int] = {}  # when status.json of an ended run was written: not read again
        self._list, self._devices, self._listed = devices, list(devices()), time.monotonic()

    @property
    def devices(self) -> list[Device]:
        if time.monotonic() - self._listed > LIST_EVERY_S:
            self._devices, self._listed = list(self._list()), time.monotonic()
        return self._devices

    def tick(self) -> bool:
        """Record ended runs, end those that do not stop, start the next; True while any waits or runs."""
        queued, running = self._scan()
        for run in running:
            self._enforce_stop(run)
        if queued:
            with order.lock(self.home):
                self._start_next(running)
        return bool(queued or running)

    def _scan(self) -> tuple[list[Run], list[Run]]:
        queued, running = [], []
        for place in os.scandir(self.home):
            run = Run(Path(place.path))
            with contextlib.suppress(OSError):
                written = (run.path / "status.json").stat().st_mtime_ns
                if place.name.startswith(".") or self.over.get(place.name) == written:
                    continue
                status = run.stored_status()
                if status.state == "queued" and order.is_here(status):
                    queued.append(run)
                elif self._still_runs(run):
                    self.seen.add(run.id)
                    running.append(run)
                elif status.state not in ("queued", "running", "stopping"):
                    self.over[place.name] = written
        return queued, running

    def _start_next(self, running: Sequence[Run]) -> None:
        """Under the queue's lock: give what is free to those who have waited longest."""
        taken: list[str] = []
        for run in running:
            status = run.stored_status()
            taken += occupied_devices(status.slots, status.device, self.devices)
        wishes, waiting = [], {run.id: run for run in order.waiting(self.home)}
        for run in waiting.values():
            try:
                wishes.append(device_request(run.id, run.config, self.devices, run.stored_status().wanted))
            except UserError as error:
                now = {"state": "failed", "reason": str(error), "ended": time.time()}
                run.write_status(run.stored_status().model_copy(update=now))
        for name, keys in assign(wishes, self.devices, taken).items():
            self._start(waiting[name], keys)

    def _start(self, run: Run, keys: list[str]) -> None:
        status = run.stored_status()
        run.write_status(status)  # where the disk is full, nothing is started that could not be written down
        extra = {process.MARK: str(run.path), **environment(keys)}
        if status.data_dir:
            extra["VITLAB_DATA"] = status.data_dir
        kills = process.oom_kills()
        child = _detached([sys.executable, "-m", TRAINER, str(run.path)], run.log, **extra)
        self.children[run.id] = child
        now = {"state": "running", "reason": "starting", "heartbeat": time.time(), "started": time.time()}
        now |= process.identity() | {"pid": child.pid, "process_start": process.start_time(child.pid)}
        now |= {"slots": keys, "oom_kills": kills, "device": None}
        try:
            run.write_status(status.model_copy(update=now))
        except OSError:  # nobody would know of it
            child.kill()
            child.wait()
            raise

    def _enforce_stop(self, run: Run) -> None:
        """Terminate, then kill a run that was asked to stop and does not end."""
        if (asked := run.stop_age()) is None:
            return
        (age, abort), status = asked, run.stored_status()
        if abort or age > sum(self.limits):
            process.end(status.pid, status.process_start, kill=True)
        elif age > self.limits[0] and run.id not in self.terminated:
            self.terminated.add(run.id)
            process.end(status.pid, status.process_start, kill=False)

    def _still_runs(self, run: Run) -> bool:
        """Whether a run takes devices of this host: until its process is gone, whatever it wrote. Records the
        end of those that could not.
        """
        child = self.children.get(run.id)
        code = child.poll() if child else None  # also reaps it
        status = run.stored_status()  # read after the poll: an ended child has written its last word
        if status.state == "queued" or status.host != process.hostname():
            return False
        if status.state not in ("running", "stopping"):
            if self._is_lingering(status):
                return True
            if run.id in self.seen:
                self._forget(run)
            return False
        seen = derive(status)
        if code is None and seen.state in ("running", "stopping"):
            return True
        if child and code is None and status.pid == child.pid:
            code = child.wait()  # it ended between the two looks: how, only its exit code tells
        if code is not None and status.pid != child.pid:  # somebody else trains it, in the foreground
            self.children.pop(run.id)
            return True
        seen = seen.model_copy(update=self._outcome(run, status, seen, code))
        try:
            run.write_status(seen.model_copy(update={"ended": time.time(), "eta_s": None}))
        except OSError:  # a full disk: it is gone all the same, and the next round tries again
            return False
        self._forget(run)
        run.stop_request.unlink(missing_ok=True)
        return False

    def _is_lingering(self, status: Status) -> bool:
        """Whether a launched run has said how it ended and its process is still there; not for ever."""
        if not (status.slots and status.pid and status.boot_id == process.boot_id()):
            return False
        if not process.alive(status.pid, status.process_start):
            return False
        if time.time() - (status.ended or 0.0) > self.limits[1]:
            process.end(status.pid, status.process_start, kill=True)
        return True

    def _forget(self, run: Run) -> None:
        self.children.pop(run.id, None)
        self.terminated.discard(run.id)
        self.seen.discard(run.id)
        process.kill_left_over(run.path)  # the other processes of a distributed training

    def _outcome(self, run: Run, status: Status, seen: Status, code: int | None) -> dict[str, str]:
        """State and reason of a run whose process ended without writing them; `code` is known of children."""
        if (asked := run.stop_age()) is not None:
            age, abort = asked
            how = "ended at once on request" if abort else f"killed {age:.0f} s after it was asked to stop"
            return {"state": "stopped", "reason": f"{how}; {GOES_ON}"}
        kills = process.oom_kills()
        starved = kills is not None and status.oom_kills is not None and kills > status.oom_kills
        if starved and code in (None, -signal.SIGKILL) and seen.state != "lost":
            why = "out of memory: the system killed it; choose a smaller batch_size"
            return {"state": "failed", "reason": f"{why}. {GOES_ON.capitalize()}"}
        if code is None:
            return {"state": seen.state, "reason": seen.reason}
        if code < 0:
            return {"state": "failed", "reason": f"killed (signal {-code}); {GOES_ON}"}
        return {"state": "failed", "reason": f"its process ended with code {code}; see train.log"}


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
                try:
                    busy = supervisor.tick()
                except (OSError, UserError) as error:  # a full disk: whoever waits goes on waiting
                    if not home.is_dir():
                        return  # the whole folder was deleted
                    print(f"{error}; trying again", flush=True)
                    busy = True
                if busy:
                    idle_since = time.monotonic()
                time.sleep(TICK_S)
        # whoever queued a run while the lock was still held relies on this second look
        if not order.waiting(home):
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
