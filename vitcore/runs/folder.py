"""The run folder: its files, and how runs are listed, found and made. No torch.

Whatever writes this folder is part of the system, on this machine or another one sharing the file system:

    config.yaml  status.json  meta.json  events.out.tfevents.*  checkpoints/  predictions/  probes/  train.log

While a training lives, only its process writes; afterwards only the supervisor does; everybody else reads and
derives (`Run.status`, by the rules of `vitcore.runs.status`). A request to stop is a file of its own, so that
it reaches a process on any host.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, dump_config, read_config
from vitcore.errors import UserError
from vitcore.paths import assets_dir, check_allowed, runs_dir
from vitcore.runs.files import overwrite, write_atomic

# re-exported until every branch imports them from vitcore.runs.status
from vitcore.runs.status import ACTIVE, Meta, State, Status, SweepLink, derive  # noqa: F401

SAVE_S = 120.0  # a run that was asked to stop has this long to save, then it is terminated
TERMINATE_S = 30.0  # and this long after that, then it is killed
ABORT = "abort"  # in stop.request: end without saving


@functools.lru_cache(maxsize=4096)  # a configuration is never changed, and a list of runs asks for all
def _config(path: Path, stamp: int) -> Config:
    return read_config(path)


@dataclass(frozen=True)
class Run:
    """A run folder. Reading never fails on a torn or missing file: it yields the defaults."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def last(self) -> Path:
        return self.checkpoints / "last.ckpt"

    @property
    def best(self) -> Path:
        return self.checkpoints / "best.safetensors"

    @property
    def log(self) -> Path:
        return self.path / "train.log"

    @property
    def stop_request(self) -> Path:
        return self.path / "stop.request"

    @property
    def bundled(self) -> bool:
        return self.path.parent == assets_dir() / "runs"

    @cached_property
    def config(self) -> Config:
        """Raises `UserError` when config.yaml is missing or broken."""
        path = self.path / "config.yaml"
        return _config(path, path.stat().st_mtime_ns if path.is_file() else 0)

    @property
    def snapshots(self) -> list[Path]:
        """The kept weights along the way, oldest first: checkpoints/step-<step>.safetensors."""
        return sorted(self.checkpoints.glob("step-*.safetensors"))

    @property
    def weights(self) -> Path | None:
        """The weights to look at: the best by validation, else the newest snapshot, else nothing yet."""
        return self.best if self.best.is_file() else next(reversed(self.snapshots), None)

    @property
    def meta(self) -> Meta:
        try:
            return Meta.model_validate_json((self.path / "meta.json").read_bytes())
        except (OSError, ValidationError):
            return Meta()

    @property
    def title(self) -> str:
        """What people called it, else its model and its id."""
        return self.meta.title or self.id

    def stored_status(self) -> Status:
        """status.json as it was written; a run whose file is missing or unreadable is lost, and never
        started.
        """
        try:
            return Status.model_validate_json((self.path / "status.json").read_bytes())
        except (OSError, ValidationError):
            return Status(state="lost", reason="its status.json is missing or unreadable")

    def status(self) -> Status:
        """status.json, corrected by what can be seen: a process that is gone does not run."""
        status = derive(self.stored_status())
        if status.state == "running" and self.stop_request.exists():
            return status.model_copy(update={"state": "stopping", "reason": self._being_stopped()})
        return status

    def stop_age(self) -> tuple[float, bool] | None:
        """Seconds since it was asked to stop, and whether without saving; None when it was not asked."""
        try:
            return time.time() - self.stop_request.stat().st_mtime, self.stop_request.read_text() == ABORT
        except OSError:
            return None

    @property
    def aborted(self) -> bool:
        """Whether it was asked to end without saving."""
        return (self.stop_age() or (0.0, False))[1]

    def _being_stopped(self) -> str:
        age, abort = self.stop_age() or (0.0, False)
        if abort:
            return "ending at once"
        if (left := SAVE_S - age) > 0:
            return f"saving; terminated in {left:.0f} s unless it is done by then"
        if (left := left + TERMINATE_S) > 0:
            return f"terminated, because it did not end within {SAVE_S:.0f} s; killed in {left:.0f} s"
        return "being killed"

    def check_resumable(self) -> None:
        """Raises `UserError` with the reason why this run cannot go on."""
        state = self.status().state
        if self.bundled:
            raise UserError(f"Run {self.id} is bundled and stays as it is: train a new one.")
        if state in ACTIVE:
            raise UserError(f"Run {self.id} is {state}: stop it before you resume it.")
        if state == "finished":
            raise UserError(f"Run {self.id} is finished: there is nothing to resume.")

    def write_status(self, status: Status) -> None:
        """Raises `OSError`; on a full disk only when it does not fit into the old file's place either."""
        path, text = self.path / "status.json", status.model_dump_json(indent=1)
        try:
            write_atomic(path, text)
        except OSError as error:
            if error.errno != errno.ENOSPC or not overwrite(path, text.encode()):
                raise

    def write_meta(self, meta: Meta) -> None:
        write_atomic(self.path / "meta.json", meta.model_dump_json(indent=1))


def list_runs(root: str | Path | None = None, *, bundled: bool = True) -> list[Run]:
    """All run folders: the bundled ones first, then the user's, newest first."""
    home = runs_dir(root)
    if home.exists() and not home.is_dir():
        raise UserError(f"{home} is not a folder: choose another with --runs-dir or $VITLAB_RUNS.")
    own = sorted(_runs_in(home), key=lambda run: run.stored_status().created, reverse=True)
    if not bundled:
        return own
    order = list(ARCHITECTURES)
    shelf = _runs_in(assets_dir() / "runs")  # the models first, in the order of the menus, then mere curves
    shelf.sort(key=lambda run: (run.weights is None, order.index(run.config.model), run.id))
    return [*shelf, *own]


def _runs_in(root: Path) -> list[Run]:
    if not root.is_dir():
        return []
    return [Run(p) for p in root.iterdir() if not p.name.startswith(".") and (p / "config.yaml").is_file()]


def find_run(run: str | Path, root: str | Path | None = None) -> Run:
    """The run of that path or id (the user's before the bundled ones). Raises `UserError` when there is
    none.
    """
    text = str(run)
    places = [runs_dir(root) / text, assets_dir() / "runs" / text] if re.fullmatch(r"[\w.-]+", text) else []
    for place in (*places, Path(text).expanduser().absolute()):
        with contextlib.suppress(OSError):  # a name too long for the file system is the name of no run
            if (place / "config.yaml").is_file():
                return Run(place)
    raise UserError(
        f"There is no run {text!r} in {runs_dir(root)} or bundled: `python -m vitcore runs` lists them."
    )


def create_run(
    config: Config,
    root: str | Path | None = None,
    *,
    title: str = "",
    status: Status | None = None,
    tie: SweepLink | None = None,
) -> Run:
    """A new run folder, complete from the moment it can be seen; queued unless another status is given.

    Its id is <model>-<recipe>-<date>-<time>, made unique by a counter. Raises `UserError` when it cannot be
    written.
    """
    check_allowed()
    home = runs_dir(root)
    try:
        home.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=home, prefix=".new-"))
    except OSError as error:
        raise UserError(f"Cannot write to the runs folder {home}: {error.strerror}.") from None
    os.chmod(draft, 0o755)
    run = Run(draft)
    run.checkpoints.mkdir()
    write_atomic(draft / "config.yaml", dump_config(config))
    run.write_status(status or Status(state="queued", created=time.time()))
    run.write_meta(Meta(title=title or f"{ARCHITECTURES[config.model].label} {config.recipe}", sweep=tie))
    stem = f"{config.model}-{config.recipe}-{datetime.now():%Y%m%d-%H%M%S}"
    for count in range(1000):
        place = home / (stem if count == 0 else f"{stem}-{count}")
        if place.exists():
            continue
        try:
            # fails where another process made a non-empty folder of that name meanwhile
            os.rename(draft, place)
            return Run(place)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                shutil.rmtree(draft)
                raise
    shutil.rmtree(draft)
    raise UserError(f"Cannot create a run folder in {home}: a thousand runs of one second have its name.")
