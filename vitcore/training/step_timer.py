"""The clock of a rehearsal: a callback that times the steps of a training."""

from __future__ import annotations

from collections.abc import Callable

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from vitcore.training.module import Classifier


class StepTimer(Callback):
    """Read `clock` after every step. End the fit when `enough(seconds of the steps so far)` is true.

    `report` is called with the number of steps so far.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        enough: Callable[[list[float]], bool],
        report: Callable[[int], None] = lambda step: None,
    ) -> None:
        self.clock, self.enough, self.report = clock, enough, report
        self.times: list[float] = []
        self.last: float | None = None

    def on_train_batch_end(self, trainer: pl.Trainer, module: Classifier, *_: object) -> None:
        if module.device.type == "cuda":
            torch.cuda.synchronize(module.device)
        now = self.clock()
        if self.last is not None:
            self.times.append(now - self.last)
            trainer.should_stop = self.enough(self.times)
        self.last = now
        self.report(len(self.times) + 1)
