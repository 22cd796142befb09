"""How a checkpoint reaches the disk, and what is asked of it before a training goes on."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from vitcore.data import Dataset
from vitcore.errors import UserError


class DurableIO(TorchCheckpointIO):
    """Writes to the named file and nowhere else, and returns when it is on the disk.

    Lightning's own goes through the system's temporary folder, which may be small, and does not wait for the
    disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, *_: object, **__: object) -> None:
        with open(path, "wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())


def step_of(checkpoint: Path, data: Dataset) -> int:
    """The optimizer step that a checkpoint holds. Raises `UserError` for one that is damaged, or that saw
    other images.
    """
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
        step, seen = int(content["global_step"]), content.get("images")
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError):
        raise UserError(f"{checkpoint} is damaged: delete it to start this run from the beginning.") from None
    if seen not in (None, data.fingerprint):
        raise UserError(
            f"The images of {data.name} have changed since this run was stopped, and with them what is "
            "validated and tested: train a new run."
        )
    return step
