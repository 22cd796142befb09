"""Folders and switches that the environment sets. No torch.

$VITLAB_RUNS, $VITLAB_DATA and $VITLAB_READONLY are read at each call: tests and child processes change them.
"""

from __future__ import annotations

import os
from pathlib import Path

from vitcore.errors import UserError

HERE = Path(__file__).resolve().parent


def assets_dir() -> Path:
    """The bundled data and runs: beside the package in the source tree, inside an installed one."""
    inside = HERE / "assets"
    return inside if inside.is_dir() else HERE.parent / "assets"


def runs_dir(path: str | Path | None = None) -> Path:
    """The folder of this user's runs: the argument, else $VITLAB_RUNS, else ./runs."""
    return Path(path or os.environ.get("VITLAB_RUNS") or "runs").expanduser().absolute()


def data_dir() -> Path:
    """The folder of this user's datasets: $VITLAB_DATA, else ./data."""
    return Path(os.environ.get("VITLAB_DATA") or "data").expanduser().absolute()


def readonly() -> bool:
    """Whether $VITLAB_READONLY forbids every change."""
    return os.environ.get("VITLAB_READONLY", "").lower() not in ("", "0", "false", "no")


def check_allowed() -> None:
    """Raise `UserError` when nothing may be launched or changed."""
    if readonly():
        raise UserError("This is a read-only ViT Lab: nothing is launched or changed here.")
