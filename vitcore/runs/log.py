"""Read the end of a run's train.log. Does not import torch."""

from __future__ import annotations

import os
from pathlib import Path


def tail(path: Path, lines: int = 200, limit: int = 64_000) -> str:
    """Return the last lines of a text file, with carriage returns applied as in a terminal.

    Return an empty string when the file does not exist.
    """
    if not os.path.isfile(path):  # reading a pipe or a device would never end
        return ""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            text = file.read(limit).decode("utf-8", errors="replace")
    except OSError:
        return ""
    rows = [row.rstrip("\r").rsplit("\r", 1)[-1] for row in text.rstrip("\n").split("\n")]
    return "\n".join(rows[-lines:])
