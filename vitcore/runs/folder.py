"""The run folder: its files, and how to list and find runs. Does not import torch.

All processes communicate through this folder. They may run on this machine, or on another one that shares the
file system. The files are:

    config.yaml  status.json  meta.json  events.out.tfevents.*  checkpoints/  predictions/  probes/  train.log

While a training runs, only its process writes. Afterwards only the supervisor does. All others read, and
derive the state (`Run.status`, by the rules of `vitcore.runs.status`). A stop request is a separate file, so
that it reaches a process on any host.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import stat
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, read_config
from vitcore.errors import UserError
from vitcore.paths import assets_dir, expanded, runs_dir
from vitcore.reading import damaged_entry, read_model, short
from vitcore.runs.files import overwrite, write_atomic
from vitcore.runs.recognition import is_run
from vitcore.runs.status import ACTIVE, Meta, Status, derive

SAVE_S = 120.0  # time to save after a stop request; then the run is terminated
TERMINATE_S = 30.0  # time to exit after that; then the run is killed
SNAPSHOT = re.compile(r"step-[0-9]{1,12}\.safetensors")
EXTERNAL = "external"  # recipe of runs that another program trains (`vitcore.training.AttentionSnapshots`)
ABORT = "abort"  # content of stop.request: exit without saving
DAY_S = 86_400.0
MAX_LISTED = 8  # runs folders whose runs are kept in memory

Stamp = tuple[int, int, int]
Entry = tuple[tuple[Stamp | None, Stamp | None], float, "Run"]  # stamps of its files, creation time, run
_listed: dict[Path, dict[str, Entry]] = {}


@functools.lru_cache(maxsize=4096)  # configurations never change, and listing the runs reads all of them
def _config(path: Path, stamp: int) -> Config:
    return read_config(path)


@functools.lru_cache(maxsize=8192)  # the state of a waiting run is read several times a second
def _status(path: Path, inode: int, modified: int, size: int) -> Status:
    return read_model(path, Status)


@dataclass(frozen=True)
class Run:
    """A run folder. A missing or truncated file is not an error: its values are the defaults."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @cached_property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def last(self) -> Path:
        return self.checkpoints / "last.ckpt"

    @property
    def resume_note(self) -> str:
        """What a resume of this run does, as a part of a sentence."""
        if os.path.isfile(self.last):
            return "resume continues from the last checkpoint"
        return "resume starts from the beginning, because there is no checkpoint yet"

    @cached_property
    def best(self) -> Path:
        return self.checkpoints / "best.safetensors"

    @property
    def log(self) -> Path:
        return self.path / "train.log"

    @property
    def stop_request(self) -> Path:
        return self.path / "stop.request"

    @property
    def external(self) -> bool:
        """Whether another program trains it. Such a run is not resumed here, and its process is not ended."""
        with contextlib.suppress(UserError):
            return self.config.recipe == EXTERNAL
        return False

    @property
    def bundled(self) -> bool:
        return self.path.parent == assets_dir() / "runs"

    @cached_property
    def config(self) -> Config:
        """The configuration. Raise `UserError` when config.yaml or the name of the folder is invalid."""
        if not is_valid_id(self.id):
            raise UserError(
                f"Links cannot hold the name of the folder {ascii(self.id)[:160]}: rename it, with letters, "
                "digits, `-`, `_` and `.` only."
            )
        path = self.path / "config.yaml"
        try:
            stamp = path.stat().st_mtime_ns
        except OSError:
            stamp = 0
        return _config(path, stamp)

    @property
    def snapshots(self) -> list[Path]:
        """The weights saved during training, oldest first: checkpoints/step-<step>.safetensors."""
        try:
            names = os.listdir(self.checkpoints)
        except OSError:
            return []
        # file managers add copies, such as "step-10 (1).safetensors"; of two names of a step, one counts
        steps: dict[int, Path] = {}
        for name in sorted(filter(SNAPSHOT.fullmatch, names), key=len):
            if os.path.isfile(path := self.checkpoints / name):
                steps[step_of(path)] = path
        return [steps[step] for step in sorted(steps)]

    @property
    def weights(self) -> Path | None:
        """The weights to analyze: the best by validation, else the newest snapshot, else None."""
        if os.path.isfile(f"{self.path}/checkpoints/best.safetensors"):  # much faster than `Path.is_file`
            return self.best
        return next(reversed(self.snapshots), None)

    @property
    def meta(self) -> Meta:
        try:
            return read_model(self.path / "meta.json", Meta)
        except UserError:
            return Meta()

    @property
    def title(self) -> str:
        """The user's title of the run, or its id if it has none."""
        return self.meta.title or self.id

    def read_status(self) -> Status:
        """Return status.json as written. Raise `UserError` if it is missing or damaged."""
        path = self.path / "status.json"
        try:
            about = path.stat()
        except OSError:
            raise UserError(f"{path} is missing: delete the run, or restore the file.") from None
        return _status(path, about.st_ino, about.st_mtime_ns, about.st_size)

    def stored_status(self) -> Status:
        """Return status.json as written.

        If the file is missing or damaged, the state is lost, and the run is never started.
        """
        try:
            return self.read_status()
        except UserError as error:
            return Status(state="lost", reason=str(error))

    def status(self) -> Status:
        """Return status.json, corrected by observation: a run whose process is gone is not running."""
        status = derive(self.stored_status())
        if status.state == "running" and self.stop_request.exists():
            return status.model_copy(update={"state": "stopping", "reason": self._being_stopped()})
        return status

    def stop_age(self) -> tuple[float, bool] | None:
        """Return the seconds since the stop request and whether to skip saving, or None without a request."""
        try:
            about = self.stop_request.stat()
            regular = stat.S_ISREG(about.st_mode)  # reading a pipe would never end
            abort = regular and self.stop_request.read_bytes() == ABORT.encode()
            return time.time() - about.st_mtime, abort
        except OSError:
            return None

    @property
    def aborted(self) -> bool:
        """Whether the run was asked to exit without saving."""
        return (self.stop_age() or (0.0, False))[1]

    def _being_stopped(self) -> str:
        age, abort = self.stop_age() or (0.0, False)
        if abort:
            return "ending without saving"
        if (left := SAVE_S - age) > 0:
            return f"saving; will be terminated in {left:.0f} s if it has not ended by then"
        if (left := left + TERMINATE_S) > 0:
            return f"terminated because it did not end within {SAVE_S:.0f} s; will be killed in {left:.0f} s"
        return "being killed"

    def check_exists(self) -> None:
        """Raise `UserError` if the folder of this run was removed after the run was listed."""
        if not is_run(self.path):
            raise UserError(f"Run {self.id} was removed: choose another run.")

    def check_resumable(self) -> None:
        """Raise `UserError` with the reason if this run cannot be resumed."""
        self.check_exists()
        state = self.status().state
        if self.bundled:
            raise UserError(f"Run {self.id} is bundled and cannot be resumed: train a new run.")
        if state in ACTIVE:
            raise UserError(f"Run {self.id} is {state}: stop it before you resume it.")
        if state == "finished":
            raise UserError(f"Run {self.id} is finished and has nothing left to resume: train a new run.")
        if self.external:
            raise UserError(f"Run {self.id} was trained by another program: continue the training there.")

    def check_last(self) -> None:
        """Raise `UserError` if a checksum in the last checkpoint, if there is one, shows that it changed."""
        if (damaged := damaged_entry(self.last)) is not None:
            where = f" ({short(damaged)})" if damaged else ""
            raise UserError(damaged_checkpoint(self.last, f"is damaged{where}"))

    def write_status(self, status: Status) -> None:
        """Write status.json. Raise `OSError`, on a full disk only if overwriting the old file fails too."""
        path, text = self.path / "status.json", status.model_dump_json(indent=1)
        try:
            write_atomic(path, text)
        except OSError as error:
            if error.errno != errno.ENOSPC or not overwrite(path, text.encode()):
                raise

    def write_meta(self, meta: Meta) -> None:
        write_atomic(self.path / "meta.json", meta.model_dump_json(indent=1))


def step_of(snapshot: Path) -> int:
    """Return the optimizer step of a snapshot, which is in its name."""
    return int(snapshot.stem.removeprefix("step-"))


def damaged_checkpoint(path: Path, problem: str) -> str:
    """Return the sentence about a checkpoint to resume that cannot be read."""
    return f"{path} {problem}: restore it from a copy, or delete it to start this run from the beginning."


def is_valid_id(name: str) -> bool:
    """Return whether links can hold the name of a run's folder: printable UTF-8 without a comma."""
    try:
        text = os.fsencode(name).decode("utf-8")  # in an ASCII locale, Python has escaped its letters
    except UnicodeError:
        return False
    return "," not in text and text.isprintable() and text == text.strip()


def list_runs(root: str | Path | None = None, *, bundled: bool = True) -> list[Run]:
    """Return all runs: the bundled ones first, then the user's, newest first.

    Runs whose creation is in the future come last.
    """
    home = runs_dir(root)
    try:
        if home.exists() and not home.is_dir():
            raise UserError(f"{home} is not a folder: choose another with --runs-dir or $VITLAB_RUNS.")
        found = _runs_in(home)
    except OSError as error:
        raise UserError(
            f"The runs folder {home} cannot be read ({error.strerror or error}): allow reading it, or choose "
            "another with --runs-dir or $VITLAB_RUNS."
        ) from None
    latest = time.time() + DAY_S  # the clocks of machines differ, but a later time is damage

    def order(listed: tuple[float, Run]) -> float:
        return listed[0] if listed[0] <= latest else 0.0

    own = [run for _, run in sorted(found, key=order, reverse=True)]
    return [*bundled_runs(), *own] if bundled else own


def bundled_runs() -> list[Run]:
    """Return the bundled runs: those with weights in the order of the menus, then those with curves only.

    Of several models of one architecture, the one with the best test accuracy comes first.
    """
    order = list(ARCHITECTURES)

    def place(run: Run) -> tuple[bool, int, float, str]:
        accuracy = run.stored_status().result.get("test_acc", 0.0) if run.weights else 0.0
        return not run.weights, order.index(run.config.model), -accuracy, run.id

    return sorted((run for _, run in _runs_in(assets_dir() / "runs")), key=place)


def _runs_in(home: Path) -> list[tuple[float, Run]]:
    """Return the runs in a folder, each with the time when it was created.

    A run is read again only when config.yaml or status.json has changed, because a page lists all runs at
    every interaction, and there may be thousands.
    """
    if not home.is_dir():
        return []
    known, found = _listed.get(home, {}), {}
    for name in os.listdir(home):
        if name.startswith("."):
            continue
        stamps = _stamp(f"{home}/{name}/config.yaml"), _stamp(f"{home}/{name}/status.json")
        if (entry := known.get(name)) and entry[0] == stamps:
            found[name] = entry
        elif is_run(home / name):
            run = Run(home / name)
            found[name] = stamps, run.stored_status().created, run
    if home not in _listed and len(_listed) >= MAX_LISTED:
        _listed.clear()
    _listed[home] = found
    return [(created, run) for _, created, run in found.values()]


def _stamp(file: str) -> Stamp | None:
    """Return what changes when a file is written, or None if there is no such file."""
    try:
        about = os.stat(file)
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns, about.st_size


def find_run(run: str | Path, root: str | Path | None = None) -> Run:
    """Return the run with this path or id. The user's runs take precedence over bundled ones.

    Raise `UserError` when there is none.
    """
    text = str(run)
    is_name = Path(text).name == text and text not in ("", "..")
    places = [runs_dir(root) / text, assets_dir() / "runs" / text] if is_name else []
    for place in (*places, expanded(text)):
        with contextlib.suppress(OSError):  # a name too long for the file system matches no run
            if is_run(place):
                return Run(place)
    raise UserError(
        f"There is no run {text!r} in {runs_dir(root)} or among the bundled ones: "
        "`python -m vitcore runs` lists them."
    )
