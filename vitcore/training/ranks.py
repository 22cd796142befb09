"""Determine the rank of this process in a distributed training, before Lightning has connected the processes.

The same command works for one process or many. The processes are started by Lightning itself on one machine,
by hand on each of several (NODE_RANK, MASTER_ADDR, MASTER_PORT), by torchrun, or by SLURM's srun. Only rank 0
owns the run folder. The others only compute.
"""

from __future__ import annotations

import os
from typing import TypeVar

import pytorch_lightning as pl
import torch

from vitcore.config import Config
from vitcore.errors import UserError

EVERY = 16  # steps between two checks of the decision of rank 0
T = TypeVar("T")


def world_of(config: Config) -> int:
    """Return the number of processes that train together."""
    return config.devices * config.nodes


def rank_of(config: Config) -> int:
    """Return the rank of this process, counted from 0, from the environment set by its launcher."""
    if world_of(config) == 1:
        return 0
    given = os.environ
    if "RANK" in given:  # torchrun
        return int(given["RANK"])
    if "SLURM_PROCID" in given and int(given.get("SLURM_NTASKS", 1)) > 1:
        return int(given["SLURM_PROCID"])
    return int(given.get("NODE_RANK", 0)) * config.devices + int(given.get("LOCAL_RANK", 0))


def check_launcher(config: Config) -> None:
    """Raise `UserError` if torchrun or srun started a different number of processes than configured."""
    given, wanted = os.environ, world_of(config)
    started = {
        "torchrun": given.get("WORLD_SIZE") if "TORCHELASTIC_RUN_ID" in given else None,
        "srun": given.get("SLURM_STEP_NUM_TASKS") if "SLURM_PROCID" in given else None,
    }
    for name, count in started.items():
        if count and int(count) > 1 and int(count) != wanted:
            raise UserError(
                f"{name} started {count} processes, but --devices {config.devices} and --nodes "
                f"{config.nodes} need {wanted}: use the same number for both."
            )


def check_rank(config: Config, trainer: pl.Trainer) -> None:
    """Raise `UserError` if Lightning's rank of this process differs from `rank_of`."""
    if (trainer.global_rank, trainer.world_size) != (rank_of(config), world_of(config)):
        raise UserError(
            f"This process is rank {rank_of(config)} of {world_of(config)} by its environment, but rank "
            f"{trainer.global_rank} of {trainer.world_size} for Lightning: use only one of torchrun, srun, "
            "and NODE_RANK set by hand."
        )


def agreed(trainer: pl.Trainer, value: T) -> T:
    """Return the value of rank 0 on every rank. All ranks must call this at the same point."""
    return trainer.strategy.broadcast(value) if trainer.world_size > 1 else value


def mean_of(trainer: pl.Trainer, values: torch.Tensor) -> torch.Tensor:
    """Return the mean over the ranks. All ranks must call this at the same point."""
    return trainer.strategy.reduce(values, reduce_op="mean") if trainer.world_size > 1 else values


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Return this rank's state of torch's random generators, for the CPU and the rank's device."""
    own = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        own["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        own["mps"] = torch.mps.get_rng_state()
    return own


def random_states(trainer: pl.Trainer, device: torch.device) -> list[dict[str, torch.Tensor]]:
    """Return the states of `random_state` on every rank."""
    own = random_state(device)
    if trainer.world_size == 1:
        return [own]
    states: list[dict[str, torch.Tensor]] = [{}] * trainer.world_size
    torch.distributed.all_gather_object(states, own)
    return states


def restore_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    """Restore this rank's state as returned by `random_state`."""
    torch.set_rng_state(state["cpu"].cpu())
    if "cuda" in state and device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
    if "mps" in state and device.type == "mps":
        torch.mps.set_rng_state(state["mps"].cpu())
