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
    if not os.path.lexists(f"{place}/config.yaml"):
        return False
    return os.path.lexists(f"{place}/status.json") or _is_ours(place / "config.yaml")


@functools.lru_cache(maxsize=1024)
def _is_ours(path: Path) -> bool:
    try:
        values = read_yaml(path)
    except UserError:
        return False
    return isinstance(values, dict) and set(map(str, values)) >= OUR_SETTINGS
