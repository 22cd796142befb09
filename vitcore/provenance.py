"""Where a number comes from: the machine, and the revision of the code."""

from __future__ import annotations

import functools
import platform
import subprocess
from pathlib import Path

import torch

from vitcore.paths import assets_dir


@functools.cache
def machine(device: str = "cpu") -> str:
    """The name of that CUDA device; else the processor's, and how many threads torch uses."""
    if device.startswith("cuda"):
        return f"{torch.cuda.get_device_name(device)}, {platform.system()}"
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {torch.get_num_threads()} threads, {platform.system()}"


@functools.cache
def commit() -> str:
    """The revision of the code where it is a git checkout, with `+` if vitcore was changed since; else
    empty.
    """
    root = assets_dir().parent
    if not (root / ".git").exists():  # installed somewhere below a repository of somebody else's
        return ""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, timeout=10)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        revision = git("rev-parse", "--short", "HEAD")
        return revision + "+" * bool(revision and git("status", "--porcelain", "--", "vitcore"))
    except (OSError, subprocess.SubprocessError):
        return ""
