"""Find runs whose weights are damaged or missing, fast enough for lists of thousands of runs. No torch."""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vitcore.errors import UserError
from vitcore.runs.folder import Run
from vitcore.runs.status import ACTIVE, Status
from vitcore.runs.weights import read_header

QUICK_HEADER = 1_000_000  # bytes of a header that is searched instead of parsed; ours have about 10,000
ENDS = re.compile(rb'"data_offsets":\[\d{1,15},(\d{1,15})\]')


@dataclass(frozen=True)
class WeightsFault:
    """What is wrong with the weights of a run, and a sentence about it that says what to do."""

    kind: Literal["damaged", "missing"]
    sentence: str

    def __str__(self) -> str:
        return f"weights {self.kind}"


def weights_fault(run: Run, status: Status) -> WeightsFault | None:
    """Return what is wrong with the weights of a run that is not active, else None.

    A run without any weights is sound: it may have been exported without them.
    """
    if status.state in ACTIVE:
        return None
    folder, best = f"{run.path}/checkpoints", f"{run.path}/checkpoints/best.safetensors"
    if os.path.isfile(best):
        sentence = _damage(best)
        return WeightsFault("damaged", sentence) if sentence else None
    if os.path.lexists(folder) and not os.path.isdir(folder):
        return WeightsFault(
            "damaged", f"{folder} is not a folder: restore it from a copy, or delete the run."
        )
    newest = run.weights
    if not os.path.lexists(best) and (newest is None or status.state != "finished"):
        return None
    used = f" The snapshot {newest.name} is used in their place." if newest else ""
    return WeightsFault(
        "missing",
        f"{best} is missing or cannot be read: restore it from a copy, or delete the run.{used}",
    )


def _damage(path: str) -> str:
    """Return a sentence if a file of weights is damaged, else an empty string."""
    try:
        about = os.stat(path)
    except OSError as error:
        return f"{path} cannot be read ({error.strerror or error}): allow reading it, or delete the run."
    return _damage_of(path, about.st_ino, about.st_mtime_ns, about.st_size)


@functools.lru_cache(maxsize=8192)  # a page lists all runs at every interaction
def _damage_of(path: str, inode: int, modified: int, size: int) -> str:
    try:
        if not _is_complete(path, size):
            read_header(Path(path))
    except UserError as error:
        return str(error)
    except OSError as error:
        return f"{path} cannot be read ({error.strerror or error}): allow reading it, or delete the run."
    return ""


def _is_complete(path: str, size: int) -> bool:
    """Return whether the tensors in the header of a safetensors file end at the end of the file.

    This takes a tenth of the time of `read_header`. A file that is not complete by this test may still be.
    """
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size - 8, QUICK_HEADER):
            return False
        ends = [int(end) for end in ENDS.findall(file.read(length))]
    return bool(ends) and size == 8 + length + max(ends)
