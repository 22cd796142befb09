"""Write checkpoints durably, check them before a resume, and compute their disk space."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from vitcore.config import Config
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.runs.files import check_space
from vitcore.runs.folder import Run
from vitcore.training.budget import longest
from vitcore.training.callbacks import SNAPSHOTS, snapshot_epochs
from vitcore.training.optim import muon_matrices


class DurableIO(TorchCheckpointIO):
    """Write only to the given file, and return when the data are on disk.

    Lightning's own class uses the system's temporary folder, which may be small, and does not wait for the
    disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, *_: object, **__: object) -> None:
        with open(path, "wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())


def step_of(checkpoint: Path, data: Dataset) -> int:
    """Return the optimizer step of a checkpoint.

    Raise `UserError` if the checkpoint is damaged or was trained on other images.
    """
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
        step, fingerprint = int(content["global_step"]), content.get("images")
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError):
        raise UserError(f"{checkpoint} is damaged: delete it to start this run from the beginning.") from None
    if fingerprint not in (None, data.fingerprint):
        raise UserError(
            f"The images of {data.name} have changed since this run was stopped, and its scores would mix "
            "both versions: train a new run."
        )
    return step


def disk_of(weights: int, state: int, config: Config, epochs: int | None = None) -> tuple[int, int]:
    """Return the bytes of a run's checkpoints: (when finished, peak while it runs).

    `weights` and `state` are the bytes of the model and of the optimizer state. last.ckpt holds both, and the
    old one is kept until the new one is complete. best.safetensors holds the weights, and each snapshot takes
    half of that. `epochs` is the expected number of epochs of a training with a time budget. Without it,
    assume the maximum.
    """
    wanted = snapshot_epochs(longest(config))
    if config.minutes and epochs:
        wanted = {e for e in wanted if e <= epochs} | {epochs}  # the last one is always saved
    snapshots = min(SNAPSHOTS, len(wanted) + 1)
    finished = (weights + state) + weights + snapshots * weights // 2
    return finished, finished + weights + state


def state_bytes(model: torch.nn.Module, config: Config) -> int:
    """Return the bytes of the optimizer state.

    AdamW has two numbers per weight, SGD at most one, and Muon one per weight of its matrices.
    """
    every = 4 * sum(p.numel() for p in model.parameters())
    if config.optimizer == "sgd":
        return every if config.momentum else 0
    matrices = 4 * sum(p.numel() for p in muon_matrices(model)) if config.optimizer == "muon" else 0
    return 2 * every - matrices


def check_room(run: Run, model: torch.nn.Module, config: Config) -> None:
    """Raise `UserError` when the disk has too little space for the files this run will still write."""
    weights = sum(value.numel() * 4 for value in model.state_dict().values())
    existing = sum(file.stat().st_size for file in run.checkpoints.glob("*") if file.is_file())
    check_space(run.path.parent, disk_of(weights, state_bytes(model, config), config)[1] - existing)
