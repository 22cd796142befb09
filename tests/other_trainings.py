"""A Lightning training as somebody else would write it, without anything of ViT Lab but the callback."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
BATCH, COUNT, SIZE = 8, 48, 32
OPTIONS = {"embed_dim": 16, "hidden_dim": 24, "num_heads": 2, "num_layers": 2, "patch_size": 8}


def pixels() -> tuple[torch.Tensor, torch.Tensor]:
    """Return images uint8 [48, 3, 32, 32] of two classes, one of them red, and their labels [48]."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(COUNT) % 2
    images = torch.randint(0, 120, (COUNT, 3, SIZE, SIZE), generator=generator, dtype=torch.uint8)
    images[labels == 1, 0] += 100
    return images, labels


def loader(train: bool) -> DataLoader:
    images, labels = pixels()
    values = (images / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    part = slice(0, 32) if train else slice(32, None)
    return DataLoader(TensorDataset(values[part], labels[part]), BATCH)


class TheirModule(pl.LightningModule):
    """Logs under names of its own: `accuracy/val`, `loss/val` and, in percent, `train_accuracy`."""

    def __init__(self, net: nn.Module, *, fail: BaseException | None = None, fail_at: int = 5) -> None:
        super().__init__()
        self.net, self.fail, self.fail_at = net, fail, fail_at
        self.losses: list[float] = []
        self.accuracies: list[float] = []

    def _logits(self, images: torch.Tensor) -> torch.Tensor:
        found = self.net(images)
        return getattr(found, "logits", found)

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        if self.fail is not None and self.global_step == self.fail_at:
            raise self.fail
        images, labels = batch
        logits = self._logits(images)
        loss = F.cross_entropy(logits, labels)
        self.losses.append(float(loss.detach()))
        hits = (logits.argmax(1) == labels).float().mean()
        self.log("train_accuracy", 100 * hits, on_step=True, on_epoch=False)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        images, labels = batch
        logits = self._logits(images)
        self.log("loss/val", F.cross_entropy(logits, labels))
        self.log("accuracy/val", (logits.argmax(1) == labels).float().mean())

    def on_validation_epoch_end(self) -> None:
        if not self.trainer.sanity_checking:
            self.accuracies.append(float(self.trainer.callback_metrics["accuracy/val"]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=2e-3)


def fit(
    module: pl.LightningModule,
    *callbacks: pl.Callback,
    epochs: int = 3,
    validate: bool = True,
    **options: Any,
) -> pl.Trainer:
    """Train a module on a CPU for some epochs of four batches."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = pl.Trainer(
            max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, callbacks=list(callbacks), **options,
        )  # fmt: skip
        trainer.fit(module, loader(True), loader(False) if validate else None)
    return trainer
