"""What users ask of runs: check a configuration, launch it in the background, resume, stop. No torch.

Everything is checked before a folder is made. Starting itself is the supervisor's
(`vitcore.queue.supervisor`).
"""

from __future__ import annotations

import time
from pathlib import Path

from vitcore.config import Config
from vitcore.data.datasets import resolve
from vitcore.errors import UserError
from vitcore.paths import check_allowed, data_dir, runs_dir
from vitcore.queue import order
from vitcore.queue.devices import device_request, list_devices
from vitcore.queue.supervisor import ensure_supervisor
from vitcore.runs import process
from vitcore.runs.files import check_space, write_atomic
from vitcore.runs.folder import ABORT, Run, create_run
from vitcore.runs.status import ACTIVE, Status, SweepLink

LEAST_FREE = 100e6  # bytes; what a run's checkpoints need exactly is checked when it starts


def launch(
    config: Config,
    root: str | Path | None = None,
    *,
    title: str = "",
    device: str | None = None,
    dedupe_s: float = 0.0,
    tie: SweepLink | None = None,
    checked: bool = False,
) -> Run:
    """Queue a new run and return at once; it outlives this process. Raises `UserError` before anything is
    written.

    `device` is the key of the very device to wait for (`vitcore.queue.devices`). `tie` makes it part of a
    sweep. `checked`: the configuration is a `resolve`d one already.

    `dedupe_s` guards against double clicks: a run of the same configuration and title that was launched
    within that many seconds, and not stopped since, is returned instead of a second one. A key that the page
    makes when it draws the button would not do: where the launch is quicker than the second click, that
    click meets a new button with a new key. This also covers two tabs, and two people, who launch the same.
    """
    check_allowed()
    _check_host(config)
    device_request("", config, list_devices(), device)
    config, home = config if checked else resolve(config), runs_dir(root)
    check_space(home, LEAST_FREE)
    with order.lock(home):
        if dedupe_s and (recent := _launched_within(dedupe_s, config, home, title)):
            return recent
        now = time.time()
        status = Status(state="queued", created=now, queued=now, wanted=device, data_dir=str(data_dir()),
                        host=process.hostname())  # fmt: skip
        run = create_run(config, root, title=title, status=status, tie=tie)
    ensure_supervisor(home)
    return run


def _launched_within(seconds: float, config: Config, home: Path, title: str) -> Run | None:
    """The run of the same settings that was launched within that many seconds and not stopped since."""
    for place in home.iterdir():
        run = Run(place)
        status = run.stored_status() if (place / "config.yaml").is_file() else Status(state="stopped")
        if status.state in ("stopping", "stopped") or time.time() - status.created > seconds:
            continue
        if run.config == config and title in ("", run.meta.title):
            return run
    return None


def resume(run: Run) -> Run:
    """Queue a stopped, failed or lost run again, to go on from its last checkpoint. Raises `UserError`."""
    check_allowed()
    _check_host(run.config)
    run.check_resumable()
    home = run.path.parent
    device_request("", run.config, list_devices(), None)
    with order.lock(home):
        run.check_resumable()  # somebody else may have resumed it
        run.stop_request.unlink(missing_ok=True)
        values = {"state": "queued", "reason": "", "pid": None, "data_dir": str(data_dir()), "slots": []}
        values |= {"queued": time.time(), "host": process.hostname(), "wanted": None, "ended": None}
        status = run.stored_status()  # without a date where status.json was unreadable
        values["created"] = status.created or time.time()
        run.write_status(status.model_copy(update=values))
    ensure_supervisor(home)
    return run


def wake(root: str | Path | None = None) -> None:
    """See to it that somebody serves the queue: after the machine was restarted, nobody does."""
    home = runs_dir(root)
    if home.is_dir() and order.waiting(home):
        ensure_supervisor(home)


def _check_host(config: Config) -> None:
    if config.nodes > 1:
        raise UserError(
            f"A training on {config.nodes} nodes is started on each of them, by srun, torchrun or hand (see "
            "README): nothing is queued here."
        )


def stop(run: Run, *, now: bool = False) -> None:
    """Ask a queued or running training to save and end, on whichever host it is; with `now`, to end without
    saving. Raises `UserError` when it is over.
    """
    check_allowed()
    home = run.path.parent
    with order.lock(home):
        status = run.status()
        if status.state not in ACTIVE:
            raise UserError(f"Run {run.id} is {status.state}: there is nothing to stop.")
        if status.state == "queued":
            end = {"state": "stopped", "reason": "taken off the queue", "ended": time.time()}
            run.write_status(status.model_copy(update=end))
            return
    if now:
        write_atomic(run.stop_request, ABORT)
    elif not run.stop_request.exists():  # asking again does not begin the time limits again
        run.stop_request.touch()
    if order.is_here(status):
        ensure_supervisor(home)  # it sees to the time limits, also of a training in the foreground
