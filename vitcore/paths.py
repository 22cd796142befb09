"""Folders and switches set by environment variables. Does not import torch.

The variables are read at each call, because tests and child processes change them.
"""

from __future__ import annotations

import os
from pathlib import Path

from vitcore.errors import UserError

HERE = Path(__file__).resolve().parent


def assets_dir() -> Path:
    """Return the folder of the bundled data and runs.

    It is next to the package in the source tree, and inside the package when that is installed.
    """
    inside = HERE / "assets"
    return inside if inside.is_dir() else HERE.parent / "assets"


def expanded(path: str | Path) -> Path:
    """Return an absolute path with the home folder for `~`, which stays a name if there is no such user."""
    return Path(os.path.expanduser(path)).absolute()


def runs_dir(path: str | Path | None = None) -> Path:
    """Return the user's runs folder: the argument, else $VITLAB_RUNS, else ./runs."""
    return expanded(path or os.environ.get("VITLAB_RUNS") or "runs")


def data_dir() -> Path:
    """Return the user's datasets folder: $VITLAB_DATA, else ./data."""
    return expanded(os.environ.get("VITLAB_DATA") or "data")


def below_data(text: str) -> Path | None:
    """Return the path below the folder of datasets that a text names, or None for any other text.

    The path may be a link, and need not exist.
    """
    home = data_dir()
    path = Path(os.path.normpath(home / text)) if text and "\0" not in text else home
    return path if path != home and path.is_relative_to(home) else None


def talks_dir() -> Path:
    """Return the folder of the user's talks: $VITLAB_TALKS, else ./talks."""
    return Path(os.path.realpath(expanded(os.environ.get("VITLAB_TALKS") or "talks")))


def child_path() -> str:
    """Return $PYTHONPATH for a child process, which must find the same code from any folder."""
    return os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])


def trainer_module() -> str:
    """Return the module that trains a run: $VITLAB_TRAINER, which tests set, else `vitcore.training`."""
    return os.environ.get("VITLAB_TRAINER") or "vitcore.training"


def published_url(default: str) -> str:
    """Return the address of the published checkpoints: $VITLAB_PUBLISHED, else the default."""
    return os.environ.get("VITLAB_PUBLISHED") or default


def frame_sites() -> list[str]:
    """Return the sites that may show the dashboard in a frame: $VITLAB_FRAMES, separated by spaces."""
    return os.environ.get("VITLAB_FRAMES", "").split()


def allowed_hosts() -> list[str]:
    """Return the names by which visitors may reach the server: $VITLAB_HOSTS, separated by spaces."""
    return os.environ.get("VITLAB_HOSTS", "").lower().split()


def readonly() -> bool:
    """Return whether $VITLAB_READONLY forbids all changes."""
    return os.environ.get("VITLAB_READONLY", "").lower() not in ("", "0", "false", "no")


def check_allowed() -> None:
    """Raise `UserError` in read-only mode, where nothing may be launched or changed."""
    if readonly():
        raise UserError("This ViT Lab is read-only: install your own to launch or change runs.")
