"""Which devices this machine can have, seen without torch."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

from vitcore.errors import UserError


def check_device(name: str) -> None:
    """Raises `UserError` when this machine shows no sign of the device; `auto` and `cpu` always pass."""
    signs = {
        "cuda": bool(shutil.which("nvidia-smi"))
        or any(Path(p).exists() for p in ("/dev/nvidia0", "/dev/dxg")),
        "mps": platform.system() == "Darwin" and platform.machine() == "arm64",
    }
    if not signs.get(name, True):
        raise UserError(f"This machine has no {name} device: choose --device auto or cpu.")
