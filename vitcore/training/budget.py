"""A training that lasts minutes instead of epochs: how much of its time is used, and its end."""

from __future__ import annotations

import time

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from vitcore.config import Config, bounds
from vitcore.training.ranks import EVERY, agreed

FOREVER = 1_000_000  # epochs
clock = time.monotonic  # seconds; tests have their own


class Budget(Callback):
    """Tells the module which share of the minutes is used, and ends the training when they are.

    Active seconds count, validation included, over all resumes; starting up and the final test do not. The
    module's schedules follow that share. The last epoch is cut off, then validated and kept like any other.
    Of several ranks the first one's clock counts.
    """

    def __init__(self, config: Config) -> None:
        self.seconds = 60 * (config.minutes or 0.0)
        self.before = 0.0
        self.began = clock()

    @property
    def used(self) -> float:
        """Seconds so far."""
        return self.before + clock() - self.began

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.began = clock()
        self._tell(trainer, module)  # a resume begins where it was, at whatever step that is

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, *_: object) -> None:
        if trainer.world_size == 1 or trainer.global_step % EVERY == 0:
            self._tell(trainer, module)

    def _tell(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        module.share = agreed(trainer, min(1.0, self.used / self.seconds))

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: object) -> None:
        if trainer.world_size == 1 or trainer.global_step % EVERY == 0:
            trainer.should_stop = agreed(trainer, self.used >= self.seconds)

    def state_dict(self) -> dict[str, float]:
        return {"used": self.used}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.before = state["used"]
        self.began = clock()


def longest(config: Config) -> int:
    """The most epochs that there can be, for spacing the snapshots."""
    return int(bounds("epochs")[1]) if config.minutes else config.epochs
