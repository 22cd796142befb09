"""How a checkpoint reaches the disk, and what is asked of it before a training goes on."""

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


def disk_of(weights: int, state: int, config: Config, epochs: int | None = None) -> tuple[int, int]:
    """Bytes of a run's checkpoints: (when it is finished, most while it runs).

    `weights` and `state` are the bytes of the model and of the optimizer's memory. last.ckpt holds both and
    is written beside the old one, best.safetensors the weights, snapshots half of that each. `epochs`: how
    many a training of so many minutes is expected to have; without it, as many as there can be.
    """
    wanted = snapshot_epochs(longest(config))
    if config.minutes and epochs:
        wanted = {e for e in wanted if e <= epochs} | {epochs}  # the last one is always kept
    snapshots = min(SNAPSHOTS, len(wanted) + 1)
    finished = (weights + state) + weights + snapshots * weights // 2
    return finished, finished + weights + state


def state_bytes(model: torch.nn.Module, config: Config) -> int:
    """Bytes of the optimizer's memory: two numbers a weight for AdamW, at most one for SGD; Muon's matrices
    need one.
    """
    every = 4 * sum(p.numel() for p in model.parameters())
    if config.optimizer == "sgd":
        return every if config.momentum else 0
    matrices = 4 * sum(p.numel() for p in muon_matrices(model)) if config.optimizer == "muon" else 0
    return 2 * every - matrices


def check_room(run: Run, model: torch.nn.Module, config: Config) -> None:
    """Raises `UserError` when the disk has no room for what this run will still write."""
    weights = sum(value.numel() * 4 for value in model.state_dict().values())
    there = sum(file.stat().st_size for file in run.checkpoints.glob("*") if file.is_file())
    check_space(run.path.parent, disk_of(weights, state_bytes(model, config), config)[1] - there)
