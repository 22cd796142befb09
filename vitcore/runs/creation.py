"""Creation of run folders."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from vitcore.config import Config, dump_config
from vitcore.errors import UserError
from vitcore.paths import check_allowed, runs_dir
from vitcore.runs.files import write_atomic, writing
from vitcore.runs.folder import Run
from vitcore.runs.foreign import ForeignRun
from vitcore.runs.start import keep_start, resolve_start
from vitcore.runs.status import Meta, Status, SweepLink
from vitcore.runs.titles import default_title


def create_run(
    config: Config,
    root: str | Path | None = None,
    *,
    title: str = "",
    status: Status | None = None,
    sweep: SweepLink | None = None,
) -> Run:
    """Create a run folder, which becomes visible only when complete. The default status is queued.

    Its id is <model>-<recipe>-<date>-<time>, made unique by a counter. The default title is made from its
    settings. The folder of a fine-tuned run holds the weights of its start. Raise `UserError` when these are
    gone, or when the folder is not writable.
    """
    config = resolve_start(config, root) if config.start else config

    def fill(run: Run) -> None:
        _fill(run, config, title, status, sweep)
        if config.start:
            keep_start(run, config, root)

    return _created(root, f"{config.model}-{config.recipe}", fill)


def create_curves_folder(name: str, root: str | Path | None = None, *, title: str, status: Status) -> Run:
    """Create a folder for the curves of a network without a configuration (`vitcore.runs.foreign`).

    Its id is <name>-<date>-<time>. Raise `UserError` when the runs folder is not writable.
    """

    def fill(run: Run) -> None:
        os.chmod(run.path, 0o755)
        run.write_status(status)
        run.write_meta(Meta(title=title))

    run = _created(root, name, fill)
    return ForeignRun(run.path, run.id)


def _created(root: str | Path | None, name: str, fill: Callable[[Run], None]) -> Run:
    check_allowed()
    home = runs_dir(root)
    with writing(home):
        home.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=home, prefix=".new-"))
        try:
            fill(Run(draft))
            return _publish(draft, home, f"{name}-{datetime.now():%Y%m%d-%H%M%S}")
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise


def _fill(run: Run, config: Config, title: str, status: Status | None, sweep: SweepLink | None) -> None:
    os.chmod(run.path, 0o755)
    run.checkpoints.mkdir()
    write_atomic(run.path / "config.yaml", dump_config(config))
    run.write_status(status or Status(state="queued", created=time.time()))
    run.write_meta(Meta(title=title or default_title(config), sweep=sweep))


def _publish(draft: Path, home: Path, stem: str) -> Run:
    """Give a complete folder its final name, and return its run."""
    for count in range(1000):
        place = home / (stem if count == 0 else f"{stem}-{count}")
        if place.exists():
            continue
        try:
            # fails if another process has created a non-empty folder with this name in the meantime
            os.rename(draft, place)
            return Run(place)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
    raise UserError(f"Cannot create a run folder in {home}, which has 1,000 runs named {stem}: try again.")
