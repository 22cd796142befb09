"""Whether a folder is a run of ViT Lab."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from vitcore.errors import UserError
from vitcore.reading import read_yaml

OUR_SETTINGS = {"model", "options", "data", "recipe", "epochs"}  # in every config.yaml of ViT Lab


def is_run(place: Path) -> bool:
    """Return whether a folder is a run of ViT Lab.

    Other programs also write a config.yaml, but no status.json. A run without status.json is recognized by
    its settings.
    """
    file = f"{place}/config.yaml"
    if not os.path.lexists(file):
        return False
    if os.path.lexists(f"{place}/status.json"):
        return True
    try:
        about = os.stat(file)
    except OSError:
        return False
    return _is_ours(Path(file), about.st_mtime_ns, about.st_size)


@functools.lru_cache(maxsize=1024)  # a folder that is still being copied has another size later
def _is_ours(path: Path, modified: int, size: int) -> bool:
    try:
        values = read_yaml(path)
    except UserError:
        return False
    return isinstance(values, dict) and set(map(str, values)) >= OUR_SETTINGS
