"""Write small files, so that readers never see a partial file, and so that a full disk can be reported."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from vitcore.errors import UserError


@contextlib.contextmanager
def writing(
    place: Path, other: str = "another runs folder with --runs-dir or $VITLAB_RUNS"
) -> Iterator[None]:
    """Turn an `OSError` inside the block, such as that of a full disk, into a `UserError` with advice.

    `place` is what is written, and `other` what the user can choose in its place.
    """
    try:
        yield
    except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:
        file = error.filename2 or error.filename or place
        raise UserError(
            f"Cannot write to {file} ({error.strerror}): rename or remove what has this name."
        ) from None
    except OSError as error:
        raise UserError(
            f"Cannot write to {place} ({error.strerror or error}): free some space or allow writing there, "
            f"or choose {other}."
        ) from None


def write_atomic(path: Path, data: str | bytes) -> None:
    """Replace a file atomically: a reader sees the old or the new content, never a partial file."""
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
    """Overwrite a file in place, without allocating disk space. Return False if the content does not fit.

    The content is padded with spaces, which JSON allows, and written in one call, so that a reader almost
    never sees a partial file.
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
    """Raise `UserError` when the disk of a runs folder has less than `needed` bytes free."""
    place = next(p for p in (home, *home.parents) if p.exists())
    if (free := shutil.disk_usage(place).free) < needed:
        raise UserError(
            f"The disk of {home} has {free / 1e6:,.0f} MB free, but a run needs {needed / 1e6:,.0f} MB: free "
            "some space, or choose another folder with --runs-dir or $VITLAB_RUNS."
        )
