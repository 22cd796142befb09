"""The curves of a training that ViT Lab did not start, from what its LightningModule logs."""

from __future__ import annotations

import math
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.tensorboard import SummaryWriter

from vitcore.runs.tags import assign, recognized


class Curves:
    """Write scalars under the tags of ViT Lab: the loss of the training, the learning rate, and all metrics.

    Training values are means since the last point, or what the module has logged. `every` is the number of
    batches between two points, and `epochs` the number of epochs before this training.
    """

    def __init__(self, writer: SummaryWriter, every: int, epochs: int = 0) -> None:
        self.writer, self.every, self.epochs = writer, every, epochs
        self.losses: list[torch.Tensor] = []
        self.batches = 0  # of the current epoch, or of the last one until the next begins
        self.ended = False  # whether these are all batches of that epoch
        self.written: dict[str, float] = {}  # last values, to write only new ones between validations
        self.percent: set[str] = set()  # tags whose values exceeded 1, so they are in percent
        self.shown: dict[str, float] = {}  # validation values, for the log

    def position(self, trainer: pl.Trainer) -> float:
        """Return the epochs so far, with the share of the current one."""
        batches = trainer.num_training_batches
        share = self.batches / batches if math.isfinite(batches) and batches else 0.0
        return self.epochs + (1.0 if self.ended else share)

    def batch(self, trainer: pl.Trainer, outputs: Any) -> None:
        """Count a training batch, and write a point when it is due."""
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if isinstance(loss, torch.Tensor):  # Lightning has divided it
            self.losses.append(loss.detach().float() * trainer.accumulate_grad_batches)
        if self.ended:
            self.epochs, self.batches, self.ended = self.epochs + 1, 0, False
        self.batches += 1
        if self.batches % self.every == 0:
            self._training(trainer)

    def validation(self, trainer: pl.Trainer) -> dict[str, float]:
        """Write the metrics of a validation, and return them by tag."""
        self.shown = {tag: value for tag, value in self._metrics(trainer).items() if _is_validation(tag)}
        self._write(trainer, self.shown)
        return self.shown

    def epoch(self, trainer: pl.Trainer) -> str:
        """Write what is left at the end of an epoch, and return its values for the log."""
        self.ended = True
        self._training(trainer)
        return "".join(f"  {tag} {value:.4g}" for tag, value in self.shown.items())

    def _training(self, trainer: pl.Trainer) -> None:
        found = {tag: v for tag, v in self._metrics(trainer).items() if not _is_validation(tag)}
        values = {tag: v for tag, v in found.items() if self.written.get(tag) != v}
        if self.losses:
            values["train_loss"] = float(torch.stack(self.losses).mean())
            self.losses = []
        if trainer.optimizers:
            values["lr"] = float(trainer.optimizers[0].param_groups[0]["lr"])
        self._write(trainer, values)

    def _metrics(self, trainer: pl.Trainer) -> dict[str, float]:
        """Return all logged metrics by tag, of several names for one tag the preferred one."""
        logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
        tags = {name: tag for tag, name in assign(logged).items()}
        found: dict[str, float] = {}
        for name, value in logged.items():
            if name not in tags and recognized(name):
                continue  # another name of the same tag, such as train_loss_step
            tag = tags.get(name, name)
            if tag.endswith("_acc") and 1 < value <= 100:
                self.percent.add(tag)
            found[tag] = value / 100 if tag in self.percent else value
        return {tag: value for tag, value in found.items() if tag not in ("epoch", "lr")}

    def _write(self, trainer: pl.Trainer, values: dict[str, float]) -> None:
        if not values:
            return
        self.written |= values
        for tag, value in {**values, "epoch": self.position(trainer)}.items():
            self.writer.add_scalar(tag, value, trainer.global_step)
        self.writer.flush()


def _is_validation(tag: str) -> bool:
    return tag.lower().startswith(("val", "test", "eval"))
