"""Time budgets: trainings that are limited by minutes instead of epochs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from vitcore.config import Config, bounds
from vitcore.training.ranks import EVERY, agreed

if TYPE_CHECKING:
    from vitcore.training.module import Learner

FOREVER = 1_000_000  # epochs
clock = time.monotonic  # seconds; tests replace it


class Budget(Callback):
    """Track the used share of the time budget, and end the training when the budget is used up.

    The budget counts active seconds over all resumes, including validation but not startup and the final
    test. The module's schedules follow the used share. The last epoch is cut short, then validated and saved
    like any other. With several ranks, the clock of rank 0 counts.
    """

    def __init__(self, config: Config) -> None:
        self.seconds = 60 * (config.minutes or 0.0)
        self.before = 0.0
        self.began = clock()

    @property
    def used(self) -> float:
        """Active seconds so far."""
        return self.before + clock() - self.began

    def on_train_start(self, trainer: pl.Trainer, module: Learner) -> None:
        self.began = clock()
        self._set_share(trainer, module)  # a resumed training continues from its used share

    def on_train_batch_start(self, trainer: pl.Trainer, module: Learner, *_: object) -> None:
        if trainer.world_size == 1 or trainer.global_step % EVERY == 0:
            self._set_share(trainer, module)

    def _set_share(self, trainer: pl.Trainer, module: Learner) -> None:
        module.share = agreed(trainer, min(1.0, self.used / self.seconds))

    def on_train_batch_end(self, trainer: pl.Trainer, module: Learner, *_: object) -> None:
        if trainer.world_size == 1 or trainer.global_step % EVERY == 0:
            trainer.should_stop = agreed(trainer, self.used >= self.seconds)

    def state_dict(self) -> dict[str, float]:
        return {"used": self.used}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.before = state["used"]
        self.began = clock()


def longest(config: Config) -> int:
    """Return the maximum number of epochs, for spacing the snapshots."""
    most = bounds("epochs")[1]
    return int(most) if config.minutes and most is not None else config.epochs


def max_epochs(trainer: pl.Trainer) -> int:
    """Return the trainer's maximum number of epochs. It is `FOREVER` with a time budget."""
    assert trainer.max_epochs is not None, "make_trainer sets max_epochs"
    return trainer.max_epochs
