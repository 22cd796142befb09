"""The provenance of measured numbers: the machine and the revision of the code. Imports torch lazily."""

from __future__ import annotations

import contextlib
import functools
import platform
import subprocess
from pathlib import Path

from vitcore.paths import assets_dir


@functools.cache
def processor_name() -> str:
    """Return the name of this machine's CPU as reported by the system."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "CPU"


@functools.cache
def machine(device: str = "cpu") -> str:
    """Return the name of a CUDA device, or the name of the CPU and torch's number of threads."""
    import torch

    if device.startswith("cuda"):
        return f"{torch.cuda.get_device_name(device)}, {platform.system()}"
    return f"{processor_name()}, {torch.get_num_threads()} threads, {platform.system()}"


@functools.cache
def commit() -> str:
    """Return the git revision of the code, with `+` if vitcore has uncommitted changes.

    Return an empty string when the code is not a git checkout.
    """
    root = assets_dir().parent
    if not (root / ".git").exists():  # installed somewhere inside another repository
        return ""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, encoding="utf-8", errors="replace", timeout=10
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        revision = git("rev-parse", "--short", "HEAD")
        return revision + "+" * bool(revision and git("status", "--porcelain", "--", "vitcore"))
    except (OSError, subprocess.SubprocessError):
        return ""
