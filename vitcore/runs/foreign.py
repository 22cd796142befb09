"""Event files of other programs in the runs folder: curves without a configuration. No torch."""

from __future__ import annotations

import itertools
import os
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.runs.folder import Run, bundled_runs, is_valid_id
from vitcore.runs.recognition import is_run
from vitcore.runs.status import Status

MOST_FOLDERS = 5_000  # maximum number of folders to search


@dataclass(frozen=True)
class ForeignRun(Run):
    """A folder with event files of another program. Its id is its path relative to the runs folder."""

    name: str

    @property
    def id(self) -> str:
        return self.name

    def stored_status(self) -> Status:
        """Return status.json if there is one. Otherwise the state is imported."""
        try:
            return self.read_status()
        except UserError:
            return Status(state="imported", reason="written by another program")


def foreign_runs(root: str | Path | None = None) -> list[ForeignRun]:
    """Return the folders below the runs folder that hold event files but no run, at any depth, by name.

    Follows links. Searches at most 5,000 folders. Characters that links cannot hold become underscores.
    """
    home, found, seen = runs_dir(root), {}, set()
    taken = {run.id for run in bundled_runs()}
    for place, inner, files in os.walk(home, followlinks=True):
        folder, real = Path(place), os.path.realpath(place)
        if real in seen or len(seen) >= MOST_FOLDERS:  # a link to a folder above
            inner.clear()
            continue
        seen.add(real)
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        if folder != home and is_run(folder):
            inner.clear()
        elif any("tfevents" in name for name in files):
            name = folder.relative_to(home).as_posix()
            name = _linkable(home.name if name == "." else name, taken | found.keys())
            found[name] = ForeignRun(folder, name)
    return [found[name] for name in sorted(found)]


def _linkable(name: str, taken: Set[str]) -> str:
    """Return a name that links can hold (`is_valid_id`) and that is not taken."""
    clean = "".join(c if is_valid_id(c) or c == " " else "_" for c in name).strip() or "_"
    numbered = (f"{clean} ({number})" for number in itertools.count(2))
    return (
        clean if clean not in taken else next(candidate for candidate in numbered if candidate not in taken)
    )
