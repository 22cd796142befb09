"""Which of the processes of one training this one is, before Lightning has connected them.

The same command starts one process or many: Lightning itself on one machine, by hand on each of several
(NODE_RANK, MASTER_ADDR, MASTER_PORT), torchrun, or SLURM's srun. Rank 0 alone owns the run folder; the others
only compute.
"""

from __future__ import annotations

import os

import pytorch_lightning as pl
import torch

from vitcore.config import Config

EVERY = 16  # steps between two looks at what rank 0 decided


def world_of(config: Config) -> int:
    """How many processes train together."""
    return config.devices * config.nodes


def rank_of(config: Config) -> int:
    """This process's number from 0 on, from the environment that its launcher made."""
    if world_of(config) == 1:
        return 0
    seen = os.environ
    if "RANK" in seen:  # torchrun
        return int(seen["RANK"])
    if "SLURM_PROCID" in seen and int(seen.get("SLURM_NTASKS", 1)) > 1:
        return int(seen["SLURM_PROCID"])
    return int(seen.get("NODE_RANK", 0)) * config.devices + int(seen.get("LOCAL_RANK", 0))


def agreed(trainer: pl.Trainer, value: bool) -> bool:
    """What rank 0 says, on every rank. All must ask at the same moment."""
    return trainer.strategy.broadcast(value) if trainer.world_size > 1 else value


def mean_of(trainer: pl.Trainer, values: torch.Tensor) -> torch.Tensor:
    """The mean over the ranks. All must ask at the same moment."""
    return trainer.strategy.reduce(values, reduce_op="mean") if trainer.world_size > 1 else values


def random_states(trainer: pl.Trainer) -> list[torch.Tensor]:
    """The state of torch's generator on the CPU, of every rank."""
    own = torch.get_rng_state()
    if trainer.world_size == 1:
        return [own]
    found: list[torch.Tensor | None] = [None] * trainer.world_size
    torch.distributed.all_gather_object(found, own)
    return found
