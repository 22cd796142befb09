"""Where a number comes from: the machine and the revision of the code. Imports torch only when asked."""

from __future__ import annotations

import contextlib
import functools
import platform
import subprocess
from pathlib import Path

from vitcore.paths import assets_dir


@functools.cache
def processor_name() -> str:
    """The name of this machine's processor, as the system gives it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "CPU"


@functools.cache
def machine(device: str = "cpu") -> str:
    """The name of that CUDA device; else the processor's, and how many threads torch uses."""
    import torch

    if device.startswith("cuda"):
        return f"{torch.cuda.get_device_name(device)}, {platform.system()}"
    return f"{processor_name()}, {torch.get_num_threads()} threads, {platform.system()}"


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
