"""What users ask of runs: check a configuration, launch it in the background, resume, stop. No torch.

Everything is checked before a folder is made. Starting itself is the supervisor's
(`vitcore.runs.supervisor`).
"""

from __future__ import annotations

from pathlib import Path

from vitcore.config import Config
from vitcore.data.datasets import data_dir, resolve
from vitcore.errors import UserError
from vitcore.runs.devices import check_device
from vitcore.runs.folder import ACTIVE, Run, check_allowed, create_run
from vitcore.runs.supervisor import ensure_supervisor


def launch(config: Config, root: str | Path | None = None, *, title: str = "") -> Run:
    """Queue a new run and return at once; it outlives this process. Raises `UserError` before anything is
    written.
    """
    check_allowed()
    _check_host(config)
    check_device(config.device)
    run = create_run(resolve(config), root, title=title)
    return _queue(run)


def resume(run: Run) -> Run:
    """Queue a stopped, failed or lost run again, to go on from its last checkpoint. Raises `UserError`."""
    check_allowed()
    _check_host(run.config)
    run.check_resumable()
    return _queue(run)


def _check_host(config: Config) -> None:
    if config.nodes > 1:
        raise UserError(
            f"A training on {config.nodes} nodes is started on each of them, by srun, torchrun or hand (see "
            "README): nothing is queued here."
        )


def _queue(run: Run) -> Run:
    run.stop_request.unlink(missing_ok=True)
    values = {"state": "queued", "reason": "", "pid": None, "data_dir": str(data_dir())}
    run.write_status(run.stored_status().model_copy(update=values))
    ensure_supervisor(run.path.parent)
    return run


def stop(run: Run) -> None:
    """Ask a queued or running training to save and end, on whichever host it is. Raises `UserError` when it
    is over.
    """
    check_allowed()
    status = run.status()
    if status.state not in ACTIVE:
        raise UserError(f"Run {run.id} is {status.state}: there is nothing to stop.")
    run.stop_request.touch()
    if status.state == "queued":
        ensure_supervisor(run.path.parent)  # it takes the run off the queue
