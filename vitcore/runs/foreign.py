"""Event files that others wrote into the runs folder: curves without a configuration. No torch."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from vitcore.paths import runs_dir
from vitcore.runs.folder import Run
from vitcore.runs.metrics import event_files


@dataclass(frozen=True)
class ForeignRun(Run):
    """A folder with event files and no config.yaml; its id is its path below the runs folder."""

    name: str

    @property
    def id(self) -> str:
        return self.name


def foreign_runs(root: str | Path | None = None) -> list[ForeignRun]:
    """The folders of the runs folder, and those one level below, that hold event files alone. By name."""
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
