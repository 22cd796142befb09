"""User actions on existing runs: edit title and note, delete. Does not import torch."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

from vitcore.errors import UserError
from vitcore.paths import check_allowed, runs_dir
from vitcore.runs.files import writing
from vitcore.runs.folder import Run
from vitcore.runs.status import ACTIVE, NOTE_LENGTH, TITLE_LENGTH, printable


def describe(run: Run, title: str | None = None, note: str | None = None) -> None:
    """Change the title or the note of a run. None leaves a field unchanged. Id and folder never change.

    Raise `UserError` for a bundled or removed run, and for texts that are too long.
    """
    check_allowed()
    if run.bundled:
        raise UserError(f"Run {run.id} is bundled and cannot be changed: choose a run of your own.")
    run.check_exists()
    changes = {}
    for name, text, most in (("title", title, TITLE_LENGTH), ("note", note, NOTE_LENGTH)):
        if text is None:
            continue
        clean = printable(text, also="\n" if name == "note" else "")
        if len(clean) > most:
            raise UserError(f"The {name} has {len(clean):,} characters: shorten it to at most {most:,}.")
        changes[name] = clean
    with writing(run.path):
        run.write_meta(run.meta.model_copy(update=changes))


def delete(run: Run, root: str | Path | None = None) -> None:
    """Delete a run permanently: rename it atomically, then remove it. Never touch other folders.

    Raise `UserError` for a run that is bundled, removed, outside the runs folder, or still active. If the run
    folder is a symbolic link, delete only the link.
    """
    check_allowed()
    home = runs_dir(root)
    if run.bundled or run.path.parent.resolve() != home.resolve():
        raise UserError(
            f"Run {run.id} is not in the runs folder {home} and cannot be deleted: choose a run from there."
        )
    if run.path.is_symlink():
        run.path.unlink()
        return
    run.check_exists()
    try:
        held = FileLock(run.path / ".lock").acquire(blocking=False)
    except Timeout:
        raise UserError(f"Run {run.id} is being trained: stop it before you delete it.") from None
    except OSError as error:
        raise UserError(f"Run {run.id} cannot be deleted: {error.strerror}.") from None
    with held:  # prevents a start in the meantime
        if (state := run.status().state) in ACTIVE:
            raise UserError(f"Run {run.id} is {state}: stop it before you delete it.")
        try:
            trash = Path(tempfile.mkdtemp(dir=home, prefix=".trash-"))
            os.rename(run.path, trash / run.id)
        except OSError as error:
            raise UserError(f"Run {run.id} cannot be deleted: {error.strerror}.") from None
    for old in home.glob(".trash-*"):  # this one, and any whose removal was interrupted
        with contextlib.suppress(OSError):  # another process removes it, too
            if old == trash or old.stat().st_mtime < time.time() - 3600:
                shutil.rmtree(old, ignore_errors=True)
