"""The actions of users on runs: check a configuration, launch in the background, resume, stop. No torch.

Everything is checked before a run folder is created. The supervisor (`vitcore.queue.supervisor`) starts the
process.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from vitcore.config import Config
from vitcore.data.datasets import resolve
from vitcore.errors import UserError
from vitcore.paths import check_allowed, data_dir, runs_dir
from vitcore.queue import order
from vitcore.queue.devices import device_request, list_devices
from vitcore.queue.supervisor import ensure_supervisor, lock_path
from vitcore.runs import process
from vitcore.runs.creation import create_run
from vitcore.runs.files import check_space, write_atomic, writing
from vitcore.runs.folder import ABORT, Run, list_runs
from vitcore.runs.start import resolve_start
from vitcore.runs.status import ACTIVE, SILENCE_S, State, Status, SweepLink

LEAST_FREE = 100e6  # bytes; when a run starts, the exact size of its checkpoints is checked


def launch(
    config: Config,
    root: str | Path | None = None,
    *,
    title: str = "",
    device: str | None = None,
    dedupe_s: float = 0.0,
    sweep: SweepLink | None = None,
    checked: bool = False,
) -> Run:
    """Queue a new run and return at once. The run outlives this process.

    Raise `UserError` before anything is written. `device` is the key of a specific device to wait for
    (`vitcore.queue.devices`). `sweep` makes the run part of a sweep. `checked` means that the configuration
    has already been `resolve`d.

    `dedupe_s` guards against double clicks: return an identical run (same configuration and title) that was
    launched within the last `dedupe_s` seconds and not stopped since, instead of launching a second one. A
    key that the page creates when it draws the button would not work: if the launch finishes before the
    second click, that click hits a new button with a new key. The guard also covers the same launch from two
    tabs or by two people.
    """
    check_allowed()
    _check_host(config)
    device_request("", config, list_devices(), device)
    config, home = config if checked else resolve(resolve_start(config, root)), runs_dir(root)
    check_space(home, LEAST_FREE)
    with order.lock(home):
        if dedupe_s and (recent := _launched_within(dedupe_s, config, home, title)):
            return recent
        now = time.time()
        status = Status(
            state="queued",
            created=now,
            queued=now,
            wanted=device,
            data_dir=str(data_dir()),
            host=process.hostname(),
            boot_id=process.boot_id(),
        )
        run = create_run(config, root, title=title, status=status, sweep=sweep)
    try:
        ensure_supervisor(home)
    except UserError:  # nothing would start it; its lock file is missing, so no supervisor runs
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    return run


def _launched_within(seconds: float, config: Config, home: Path, title: str) -> Run | None:
    """Return an identical run launched within the last `seconds` and not stopped since, or None."""
    for run in list_runs(home, bundled=False):
        status = run.stored_status()
        if status.state in ("stopping", "stopped") or time.time() - status.created > seconds:
            continue
        with contextlib.suppress(UserError):  # a damaged run is not the one that was launched
            if run.config == config and title in ("", run.meta.title):
                return run
    return None


def resume(run: Run) -> Run:
    """Queue a stopped, failed or lost run again, to continue from its last checkpoint if it has one.

    Raise `UserError` when it cannot be resumed.
    """
    check_allowed()
    run.check_exists()
    _check_host(run.config)
    run.check_resumable()
    run.check_last()
    home = run.path.parent
    device_request("", run.config, list_devices(), None)
    with order.lock(home):
        run.check_resumable()  # another process may have resumed it in the meantime
        run.stop_request.unlink(missing_ok=True)
        values = {"state": "queued", "reason": "", "pid": None, "slots": []}
        values |= {"queued": time.time(), "wanted": None, "ended": None, **_this_machine()}
        status = run.stored_status()  # has no date if status.json was unreadable
        values["created"] = status.created or time.time()
        run.write_status(status.model_copy(update=values))
    ensure_supervisor(home)
    return run


def take_over(run: Run) -> Run:
    """Queue a run here that waits on another machine which is gone. It keeps its time in the queue.

    Raise `UserError` for any other run.
    """
    check_allowed()
    run.check_exists()
    _check_host(run.config)
    device_request("", run.config, list_devices(), None)
    home = run.path.parent
    with order.lock(home):
        status = run.stored_status()
        if status.state != "queued" or order.is_here(status):
            where = "queued here" if status.state == "queued" else run.status().state
            raise UserError(
                f"Run {run.id} is {where}: only a run that waits on another machine can be taken over."
            )
        if not is_abandoned(run):
            raise UserError(
                f"Run {run.id} waits on {status.host}, which is still running: remove it from the queue, or "
                f"try again when {status.host} has been gone for a minute."
            )
        run.write_status(status.model_copy(update={"wanted": None, **_this_machine()}))
    ensure_supervisor(home)
    return run


def is_abandoned(run: Run) -> bool:
    """Return whether a run waits on another machine whose supervisor has not shown itself for a minute."""
    status = run.stored_status()
    if status.state != "queued" or order.is_here(status):
        return False
    seen = status.queued or status.created
    if status.boot_id:  # early versions did not record it
        with contextlib.suppress(OSError):
            seen = max(seen, lock_path(run.path.parent, status.boot_id).stat().st_mtime)
    return time.time() - seen > SILENCE_S


def _this_machine() -> dict[str, str]:
    return {"host": process.hostname(), "boot_id": process.boot_id(), "data_dir": str(data_dir())}


def wake(root: str | Path | None = None) -> None:
    """Start a supervisor if runs are waiting. After a restart of the machine, none is running."""
    home = runs_dir(root)
    if home.is_dir() and order.waiting(home):
        ensure_supervisor(home)


def _check_host(config: Config) -> None:
    if config.nodes > 1:
        raise UserError(
            f"A training on {config.nodes} nodes cannot be queued: start it on each node with srun, torchrun "
            "or by hand (see docs/gpus-and-clusters.md)."
        )


def stop(run: Run, *, now: bool = False) -> None:
    """Ask a queued or running training, on any host, to save and exit. With `now`, do not save.

    Raise `UserError` when the run has already ended.
    """
    check_allowed()
    run.check_exists()
    home = run.path.parent
    with order.lock(home):
        status = run.status()
        if status.state not in ACTIVE:
            raise UserError(f"Run {run.id} is {status.state} already: there is nothing to stop.")
        if status.state == "queued":
            end = {"state": "stopped", "reason": "removed from the queue", "ended": time.time()}
            run.write_status(status.model_copy(update=end))
            return
    with writing(run.path):
        if now:
            write_atomic(run.stop_request, ABORT)
        elif not run.stop_request.exists():  # a second request must not restart the time limits
            run.stop_request.touch()
    if order.is_here(status):
        ensure_supervisor(home)  # it enforces the time limits, also for foreground runs


def stop_all(runs: Sequence[Run]) -> list[tuple[Run, State]]:
    """Stop the runs that are queued or running. Return each of them with the state that it had.

    The last in the queue is stopped first, so that none of the others starts in the meantime. Raise
    `UserError` in read-only mode, or when an active run cannot be stopped.
    """
    check_allowed()
    stopped = []
    for run in reversed(runs):
        state = run.status().state
        if state not in ACTIVE:
            continue
        try:
            stop(run)
        except UserError:
            if run.status().state in ACTIVE:
                raise
            continue  # it ended in the meantime
        stopped.append((run, state))
    return stopped
