"""The supervisor: a detached process that starts queued runs and records how they ended. No torch.

There is one supervisor per runs folder and host. It is started on demand, guarded by a lock, and exits when
nothing has been queued or running for a while. Trainings are its child processes, each in its own session:
they outlive the supervisor, and the next one finds them by their process identity. Every device trains one
run at a time, in the order of the queue (`vitcore.queue.order`). A device becomes free when the process is
gone, for any reason.
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
from vitcore.paths import child_path, trainer_module
from vitcore.queue import order
from vitcore.queue.devices import Device, assign, device_request, environment, list_devices, occupied_devices
from vitcore.runs import process
from vitcore.runs.files import writing
from vitcore.runs.folder import SAVE_S, TERMINATE_S, Run
from vitcore.runs.status import Status, derive

TICK_S = 0.5
IDLE_S = 10.0
LIST_EVERY_S = 10.0  # seconds between two listings of the devices
RETRY_S = 30.0  # seconds until a run that could not be started is tried again
Version = tuple[int, int, int]  # of a file: inode, modification time, size
HEARTBEAT_S = 10.0  # seconds between two times at which a supervisor touches its lock file


def lock_path(home: Path, boot: str | None = None) -> Path:
    """Return the lock file that the supervisor of a runs folder holds on a machine, by default on this one.

    Its modification time is the heartbeat of the supervisor, for machines that cannot see the lock.
    """
    return home / f".supervisor-{process.machine_id(boot)}.lock"


def ensure_supervisor(home: Path) -> None:
    """Start a supervisor for a runs folder unless one is running. Call this after queueing the run.

    Raise `UserError` when the folder is not writable.
    """
    lock = FileLock(lock_path(home))
    with writing(home):
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return  # one is running; it checks the queue once more after it releases the lock
        lock.release()
        _detached([sys.executable, "-m", "vitcore.queue.supervisor", str(home)], home / ".supervisor.log")


def _detached(command: list[str], log: Path, **environment: str) -> subprocess.Popen:
    if log.exists() and not log.is_file():  # opening a pipe would wait for its reader
        raise UserError(f"{log} is not a file: remove it.")
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **environment, "PYTHONPATH": child_path(), "PYTHONUNBUFFERED": "1"},
        )


class Supervisor:
    """The supervisor's loop. `tick` runs one iteration and returns whether any run is queued or running.

    `devices` lists the devices that can be assigned. `limits` are the seconds that a run has to save after a
    stop request, and then to exit.
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
        self.seen: set[str] = set()  # ids of runs seen running
        # status.json of ended runs and of runs that are queued here is not read again in the same version
        self.over: dict[str, Version] = {}
        self.waiting: dict[str, tuple[Version, Run]] = {}
        self.held: dict[str, list[str]] = {}  # keys of the devices of each running run
        self.checked: set[str] = set()  # ids of queued runs whose request was compared with the devices
        self.refused: dict[str, float] = {}  # run that could not be started: when it is tried again
        self._list, self._devices, self._listed = devices, list(devices()), time.monotonic()
        self._beaten = -HEARTBEAT_S

    @property
    def devices(self) -> list[Device]:
        if time.monotonic() - self._listed > LIST_EVERY_S:
            self._devices, self._listed = list(self._list()), time.monotonic()
        return self._devices

    def tick(self) -> bool:
        """Record ended runs, terminate those that do not stop, start the next ones.

        Return True while any run is queued or running.
        """
        self._beat()
        queued, running = self._scan()
        for run in running:
            self._enforce_stop(run)
        if queued:
            self._start_next(queued, running)
        return bool(queued or running)

    def _beat(self) -> None:
        """Show other machines that this supervisor is at work."""
        if time.monotonic() - self._beaten >= HEARTBEAT_S:
            self._beaten = time.monotonic()
            with contextlib.suppress(OSError):
                os.utime(lock_path(self.home))

    def _scan(self) -> tuple[list[Run], list[Run]]:
        queued, running = [], []
        before, self.waiting = self.waiting, {}
        for place in os.scandir(self.home):
            with contextlib.suppress(OSError):  # a file, or a run that was just deleted
                about = os.stat(f"{place.path}/status.json")
                written = about.st_ino, about.st_mtime_ns, about.st_size
                if place.name.startswith(".") or self.over.get(place.name) == written:
                    continue
                known = before.get(place.name)
                if known and known[0] == written:
                    self.waiting[place.name] = known
                    queued.append(known[1])
                    continue
                run = Run(Path(place.path))
                try:
                    status = run.read_status()
                except UserError:  # damaged: its devices are taken for as long as it trains
                    if self._is_training(run):
                        running.append(run)
                    continue
                if status.state == "queued" and order.is_here(status):
                    queued.append(run)
                    self.waiting[place.name] = written, run
                elif self._still_runs(run):
                    self.seen.add(run.id)
                    self.held[run.id] = occupied_devices(status.slots, status.device, self.devices)
                    running.append(run)
                elif status.state not in ("queued", "running", "stopping"):
                    self.over[place.name] = written
        return queued, running

    def _is_training(self, run: Run) -> bool:
        """Return whether a process trains this run, without reading its status."""
        if child := self.children.get(run.id):
            return child.poll() is None
        try:
            with FileLock(run.path / ".lock", timeout=0):
                return False
        except Timeout:
            return True

    def _start_next(self, queued: Sequence[Run], running: Sequence[Run]) -> None:
        """Assign free devices to the runs that have waited longest."""
        everything = [device.key for device in self.devices]
        taken = [key for run in running for key in self.held.get(run.id, everything)]
        fresh = {run.id for run in queued} - self.checked  # a request that cannot be met fails immediately
        if not fresh and all(key in taken for key in everything):
            return
        self.checked |= fresh
        with order.lock(self.home):
            requests, waiting = [], {run.id: run for run in order.sort_queue(queued)}
            for run in waiting.values():
                if self.refused.get(run.id, 0.0) > time.monotonic():
                    continue
                try:
                    wanted = run.read_status().wanted
                    requests.append(device_request(run.id, run.config, self.devices, wanted))
                except UserError as error:
                    self._fail(run, str(error))
            for name, keys in assign(requests, self.devices, taken).items():
                try:
                    self._start(waiting[name], keys)
                except UserError as error:
                    self._fail(waiting[name], str(error))
                except OSError as error:  # a full disk, or a folder that cannot be written: start the others
                    self.refused[name] = time.monotonic() + RETRY_S
                    print(f"{name} cannot be started ({error}); trying again", flush=True)

    def _fail(self, run: Run, reason: str) -> None:
        """Record that a queued run cannot be started, if its folder can be written."""
        now = {"state": "failed", "reason": reason, "ended": time.time()}
        with contextlib.suppress(OSError):
            run.write_status(run.stored_status().model_copy(update=now))

    def _start(self, run: Run, keys: list[str]) -> None:
        status = run.stored_status()
        run.write_status(status)  # on a full disk this fails before an unrecordable run starts
        extra = {process.MARK: str(run.path), **environment(keys)}
        if status.data_dir:
            extra["VITLAB_DATA"] = status.data_dir
        kills = process.oom_kills()
        child = _detached([sys.executable, "-m", trainer_module(), str(run.path)], run.log, **extra)
        self.children[run.id] = child
        now = {"state": "running", "reason": "starting", "heartbeat": time.time(), "started": time.time()}
        now |= process.identity() | {"pid": child.pid, "process_start": process.start_time(child.pid)}
        now |= {"slots": keys, "oom_kills": kills, "device": None}
        try:
            run.write_status(status.model_copy(update=now))
        except OSError:  # without a status the process would be untracked
            child.kill()
            child.wait()
            raise

    def _enforce_stop(self, run: Run) -> None:
        """Terminate, and later kill, a run that does not exit after a stop request.

        The process of an external run may be a notebook with other work: it is only asked.
        """
        if (asked := run.stop_age()) is None or run.external:
            return
        (age, abort), status = asked, run.stored_status()
        if status.pid is None:
            return
        if abort or age > sum(self.limits):
            process.end(status.pid, status.process_start, kill=True)
        elif age > self.limits[0] and run.id not in self.terminated:
            self.terminated.add(run.id)
            process.end(status.pid, status.process_start, kill=False)

    def _still_runs(self, run: Run) -> bool:
        """Return whether a run occupies devices of this host.

        It does until its process is gone, regardless of its status. Record the outcome of runs that could not
        record it themselves.
        """
        child = self.children.get(run.id)
        code = child.poll() if child else None  # also reaps it
        status = run.stored_status()  # read after the poll: an exited child has written its final status
        if status.state == "queued" or not order.is_here(status):
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
            code = child.wait()  # it exited between the two checks: only the exit code says how
        # with another PID, another process now trains the run in the foreground
        if child and code is not None and status.pid != child.pid:
            self.children.pop(run.id)
            return True
        seen = seen.model_copy(update=self._outcome(run, status, seen, code))
        try:
            run.write_status(seen.model_copy(update={"ended": time.time(), "eta_s": None}))
        except OSError:  # full disk: the process is gone anyway; the next tick tries again
            return False
        self._forget(run)
        run.stop_request.unlink(missing_ok=True)
        return False

    def _is_lingering(self, status: Status) -> bool:
        """Return whether a launched run has recorded its end but its process still exists.

        Kill such a process after the time limit.
        """
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
        self.held.pop(run.id, None)
        process.kill_left_over(run.path)  # the other processes of a distributed training

    def _outcome(self, run: Run, status: Status, seen: Status, code: int | None) -> dict[str, str]:
        """Return state and reason of a run whose process exited without recording them.

        `code` is the exit code, known only for child processes.
        """
        if (asked := run.stop_age()) is not None:
            age, abort = asked
            how = (
                "stopped on request without saving" if abort else f"killed {age:.0f} s after the stop request"
            )
            return {"state": "stopped", "reason": f"{how}; {run.resume_note}"}
        kills = process.oom_kills()
        out_of_memory = kills is not None and status.oom_kills is not None and kills > status.oom_kills
        if out_of_memory and code in (None, -signal.SIGKILL) and seen.state != "lost":
            why = "out of memory: the system killed it; choose a smaller batch_size"
            return {"state": "failed", "reason": f"{why}. {run.resume_note.capitalize()}"}
        if code is None:
            return {"state": seen.state, "reason": seen.reason}
        if code < 0:
            return {"state": "failed", "reason": f"killed (signal {-code}); {run.resume_note}"}
        return {"state": "failed", "reason": f"its process ended with code {code}; see train.log"}


def main(home: Path) -> None:
    """Supervise a runs folder until nothing is left to do. Return at once if another supervisor runs."""
    while True:
        try:
            held = FileLock(lock_path(home)).acquire(blocking=False)
        except Timeout:
            return
        with held:
            supervisor, idle_since = Supervisor(home), time.monotonic()
            while time.monotonic() - idle_since < IDLE_S:
                try:
                    busy = supervisor.tick()
                except (OSError, UserError) as error:  # a full disk: queued runs keep waiting
                    if not home.is_dir():
                        return  # the whole folder was deleted
                    print(f"{error}; trying again", flush=True)
                    busy = True
                if busy:
                    idle_since = time.monotonic()
                time.sleep(TICK_S)
        # A process that queued a run while the lock was still held relies on this second check.
        if not order.waiting(home):
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
