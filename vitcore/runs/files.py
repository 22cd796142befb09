"""Writing small files so that no reader ever sees a part, and so that a full disk does not silence a run."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from vitcore.errors import UserError


def write_atomic(path: Path, data: str | bytes) -> None:
    """Replace a file by new content in one step: a reader sees the old or the new one, never a part."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def overwrite(path: Path, data: bytes) -> bool:
    """Replace a file's content without taking new space from the disk; False where it does not fit.

    In one write and with blanks at its end, which JSON allows: a reader hardly ever sees a part.
    """
    try:
        with path.open("r+b", buffering=0) as file:
            about = os.fstat(file.fileno())
            if len(data) > getattr(about, "st_blocks", 0) * 512:
                return False
            file.write(data.ljust(about.st_size))
            os.fsync(file.fileno())
    except OSError:
        return False
    return True


def check_space(home: Path, needed: float) -> None:
    """Raises `UserError` when the disk of a runs folder has less than `needed` bytes free."""
    place = next(p for p in (home, *home.parents) if p.exists())
    if (free := shutil.disk_usage(place).free) < needed:
        raise UserError(
            f"The disk of {home} has {free / 1e6:,.0f} MB free and a run needs {needed / 1e6:,.0f} MB: make "
            "room, or choose another folder with --runs-dir or $VITLAB_RUNS."
        )
