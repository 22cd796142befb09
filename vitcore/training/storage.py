"""Write checkpoints durably, check them before a resume, and compute their disk space."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from vitcore.config import Config
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.models.weight_files import Unreadable, load_file
from vitcore.reading import short
from vitcore.runs.files import check_space
from vitcore.runs.folder import Run, damaged_checkpoint
from vitcore.runs.start import COPY
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


NEEDED: dict[str, type] = {  # what Lightning and the callbacks read from a checkpoint without asking
    "epoch": int,
    "global_step": int,
    "pytorch-lightning_version": str,
    "state_dict": Mapping,
    "loops": Mapping,
    "loops.fit_loop": Mapping,
    "callbacks": Mapping,
    "callbacks.Keeper": Mapping,
    "callbacks.Keeper.best": float,
    "callbacks.Keeper.best_epoch": int,
    "optimizer_states": list,
    "lr_schedulers": list,
}


def read_checkpoint(checkpoint: Path, module: torch.nn.Module | None = None) -> Mapping[str, Any]:
    """Return the content of a checkpoint of a training, with its tensors still on the disk.

    Raise `UserError` if the checkpoint is damaged or incomplete, belongs to another run, or does not fit
    `module`.
    """
    try:
        content = load_file(checkpoint, mmap=True)
    except Unreadable as error:
        raise UserError(damaged_checkpoint(checkpoint, error.problem)) from None
    if (owner := _owner(content)) and _is_another(owner, Run(checkpoint.parent.parent)):
        raise UserError(
            damaged_checkpoint(checkpoint, f"belongs to another run ({short(owner['id'])[1:-1]})")
        )
    if problem := _incomplete(content) or (module is not None and _misfit(content["state_dict"], module)):
        raise UserError(
            f"{checkpoint} cannot be resumed, {problem}: delete it to start this run from the beginning."
        )
    return content


def step_of(checkpoint: Path, data: Dataset, module: torch.nn.Module | None = None) -> int:
    """Return the optimizer step of a checkpoint.

    Raise `UserError` as `read_checkpoint` does, and if the checkpoint was trained on other images.
    """
    content = read_checkpoint(checkpoint, module)
    step, fingerprint = content["global_step"], content.get("images")
    if fingerprint not in (None, data.fingerprint):
        if _owner(content):
            raise UserError(
                f"The images of {data.name} have changed since this run was stopped, and its scores would "
                "mix both versions: train a new run."
            )
        raise UserError(
            f"{checkpoint} was trained on other images than {data.name} has now, and the scores would mix "
            "both: restore the images or the checkpoint of this run, or train a new run."
        )
    return step


def _owner(content: Any) -> Mapping[str, Any] | None:
    """Return the id and the creation time of the run that wrote a checkpoint, None if it does not say."""
    owner = content.get("run") if isinstance(content, Mapping) else None
    if not isinstance(owner, Mapping):
        return None
    return owner if isinstance(owner.get("id"), str) and isinstance(owner.get("created"), float) else None


def _is_another(owner: Mapping[str, Any], run: Run) -> bool:
    """Return whether the owner of a checkpoint is not this run, even if its folder was renamed.

    A run whose status.json was lost has another creation time.
    """
    return owner["id"] != run.id and owner["created"] != run.stored_status().created


def _incomplete(content: Any) -> str:
    """Return what a resume would miss in the content of a checkpoint, or nothing."""
    for path, kind in NEEDED.items():
        value = content
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if not isinstance(value, kind):
            return f"because it has no {path}"
    optimizers = content["optimizer_states"]
    if not all(
        isinstance(optimizer, Mapping) and {"state", "param_groups"} <= optimizer.keys()
        for optimizer in optimizers
    ):
        return "because its optimizer_states are incomplete"
    if not optimizers or not content["lr_schedulers"]:
        return "because its optimizer_states or lr_schedulers are empty"
    if not all(_is_random_state(state) for state in content.get("random", [])):
        return "because its state of the random numbers is damaged"
    return ""


def _is_random_state(state: Any) -> bool:
    """Return whether torch accepts the state of one rank that `ranks.random_states` returned."""
    try:
        torch.Generator().set_state(state["cpu"])
    except (LookupError, TypeError, AttributeError, RuntimeError):
        return False
    return True


def _misfit(state: Mapping[str, Any], module: torch.nn.Module) -> str:
    """Return how the weights of a checkpoint differ from those of a module, or nothing."""
    wanted = module.state_dict()
    for name in (*wanted, *state):
        ours, theirs = wanted.get(name), state.get(name)
        if ours is None or not isinstance(theirs, torch.Tensor) or ours.shape != theirs.shape:
            return f"because its {short(name)} does not fit the model"
    return ""


def disk_of(
    weights: int, state: int, config: Config, epochs: int | None = None, decoder: int = 0
) -> tuple[int, int]:
    """Return the bytes of a run's checkpoints: (when finished, peak while it runs).

    `weights` and `state` are the bytes of the model and of the optimizer state. last.ckpt holds both, and the
    old one is kept until the new one is complete. best.safetensors holds the weights, and each snapshot takes
    half of that. With a frozen backbone, there are no snapshots. `epochs` is the expected number of epochs of
    a training with a time budget. Without it, assume the maximum. `decoder` are the bytes of a decoder, which
    the snapshots do not have.
    """
    wanted = snapshot_epochs(longest(config))
    if config.minutes and epochs:
        wanted = {e for e in wanted if e <= epochs} | {epochs}  # the last one is always saved
    snapshots = 0 if config.freeze else min(SNAPSHOTS, len(wanted) + 1)
    last = weights + decoder + state
    finished = last + weights + decoder + snapshots * weights // 2
    return finished, finished + last


def weight_bytes(model: torch.nn.Module | None) -> int:
    """Return the bytes of the weights of a model in float32, 0 without one."""
    return 4 * sum(value.numel() for value in model.state_dict().values()) if model else 0


def state_bytes(model: torch.nn.Module, config: Config) -> int:
    """Return the bytes of the optimizer state.

    AdamW has two numbers per trained weight, SGD at most one, and Muon one per weight of its matrices.
    """
    every = 4 * sum(p.numel() for p in model.parameters() if p.requires_grad)
    if config.optimizer == "sgd":
        return every if config.momentum else 0
    matrices = 4 * sum(p.numel() for p in muon_matrices(model)) if config.optimizer == "muon" else 0
    return 2 * every - matrices


def disk_for(
    model: torch.nn.Module, config: Config, decoder: torch.nn.Module | None = None, epochs: int | None = None
) -> tuple[int, int]:
    """Return what `disk_of` does, for a model and the decoder that is trained with it."""
    state = state_bytes(model, config) + (state_bytes(decoder, config) if decoder else 0)
    return disk_of(weight_bytes(model), state, config, epochs, weight_bytes(decoder))


def check_room(
    run: Run, model: torch.nn.Module, config: Config, decoder: torch.nn.Module | None = None
) -> None:
    """Raise `UserError` when the disk has too little space for the files this run will still write."""
    existing = sum(
        file.stat().st_size for file in run.checkpoints.glob("*") if file.is_file() and file.name != COPY
    )
    check_space(run.path.parent, disk_for(model, config, decoder)[1] - existing)
