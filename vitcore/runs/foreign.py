"""Event files written by other programs into the runs folder: curves without a configuration. No torch."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from vitcore.paths import runs_dir
from vitcore.runs.folder import Run
from vitcore.runs.metrics import event_files


@dataclass(frozen=True)
class ForeignRun(Run):
    """A folder with event files but no config.yaml. Its id is its path relative to the runs folder."""

    name: str

    @property
    def id(self) -> str:
        return self.name


def foreign_runs(root: str | Path | None = None) -> list[ForeignRun]:
    """Return folders with event files but no configuration, up to two levels deep, sorted by name."""
    home, found = runs_dir(root), []
    for place in _folders(home):
        if (place / "config.yaml").exists():
            continue
        for folder in (place, *_folders(place)):
            if event_files(folder) and not (folder / "config.yaml").exists():
                found.append(ForeignRun(folder, folder.relative_to(home).as_posix()))
    return sorted(found, key=lambda run: run.id)


def _folders(place: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return [p for p in place.iterdir() if p.is_dir() and not p.name.startswith(".")]
    return []
