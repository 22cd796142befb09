"""A Lightning callback that writes the run folder of a training that ViT Lab did not start.

The dashboard then shows that training as it shows its own: curves, eight images, and the attention of every
snapshot. The training itself is not changed: the network is copied, and torch's random state is kept.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from vitcore.data.arrays import Channels, as_array, read_images
from vitcore.errors import UserError
from vitcore.models import count_parameters
from vitcore.preprocessing import preprocessing_of
from vitcore.provenance import machine
from vitcore.runs import process
from vitcore.runs.folder import Run
from vitcore.runs.predictions import COUNT, Predictions, choose, write_predictions
from vitcore.runs.status import Scores, Status, is_score
from vitcore.training.callbacks import snapshot_epochs, write_weights
from vitcore.training.external_curves import Curves
from vitcore.training.external_run import Eight, External, create
from vitcore.training.reports import BEAT_S, Heartbeat, memory_of, memory_total
from vitcore.training.setup import first_line


class AttentionSnapshots(Callback):
    """Write a run folder for somebody else's training.

    `network` is the attribute of the LightningModule that holds the network, such as "model" or
    "student.backbone". It is a network of ViT Lab, or a ViT of timm, transformers or torchvision, which is
    converted (`vitcore.exchange.modules`). For any other network, or with None, the folder has the curves and
    the status only.

    `mean` and `std` are the normalization of the training's images, three numbers each. They may be left out
    if the network says them, as those of timm do. `classes` are the names of the classes. `data` is
    `folder:PATH` if the images are in such a folder, which the pages then open. `images` and `labels` are up
    to eight images (of more, eight are chosen) with values in 0..1 or uint8, at the size of the network, with
    their classes; their predictions are recorded after each epoch.

    Curves come from what the module logs: names such as `val_acc` and `train/loss` are recognized. The loss
    that `training_step` returns and the learning rate are always recorded. Only rank 0 writes. Every `fit`
    makes a new folder in `runs_dir` (default: $VITLAB_RUNS, or `runs`).
    """

    def __init__(
        self,
        network: str | None = "model",
        *,
        images: Any = None,
        labels: Any = None,
        classes: Sequence[str] | None = None,
        mean: Channels | None = None,
        std: Channels | None = None,
        data: str | None = None,
        title: str = "",
        runs_dir: str | Path | None = None,
    ) -> None:
        self.network, self.title, self.runs_dir = network, title, runs_dir
        self.wanted = {"classes": classes, "mean": mean, "std": std, "data": data}
        self.eight = _eight(images, labels)
        self.run: Run | None = None  # while a training is recorded

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.run = None
        if not trainer.is_global_zero or trainer.fast_dev_run:  # pyright: ignore[reportAttributeAccessIssue]
            return
        now = time.time()
        status = Status(state="running", created=now, started=now, heartbeat=now, **process.identity())
        found = create(
            trainer, module, self.network, self.wanted, status, self.title, self.runs_dir, self.eight
        )
        if found.reason:
            print(f"AttentionSnapshots records only the curves: {found.reason}", file=sys.stderr, flush=True)
        self._begin(found, trainer, module)

    def _begin(self, found: External, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.found = found
        self.stopping = False
        self.best = -math.inf  # the accuracy, or the negative loss
        self.result: Scores = {"parameters": count_parameters(found.source or module)}
        self.snapshot_step = -1
        self.began, self.first_step = time.time(), trainer.global_step
        self.predictions = self._no_predictions()
        batches = trainer.num_training_batches
        every = max(1, min(50, int(batches) // 10)) if math.isfinite(batches) else 50
        self.curves = Curves(SummaryWriter(str(found.run.path)), every, trainer.current_epoch)
        self.heart = Heartbeat(found.run, found.status, found.batch_size)
        self.heart.__enter__()
        self.run = found.run  # from here on, `on_exception` records how the training ends
        steps = trainer.estimated_stepping_batches
        self.heart.beat(
            steps=int(steps) if math.isfinite(steps) and steps > 0 else None,
            device=str(module.device),
            machine=machine(str(module.device)),
            precision=str(trainer.precision),
            memory_bytes=memory_of(module.device),
            memory_total=memory_total(module.device),
        )
        self.snapshots = _snapshot_epochs(trainer)
        if not trainer.global_step:
            self._save(trainer, snapshot=True)

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.run is None:
            return
        self.curves.batch(trainer, outputs)
        if time.time() - self.heart.written < BEAT_S:
            return
        if self.run.stop_request.exists():
            self.stopping = trainer.should_stop = True
        self._beat(trainer, memory_bytes=memory_of(module.device))

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if self.run is None or trainer.sanity_checking:
            return
        values = self.curves.validation(trainer)
        tag = "val_acc" if "val_acc" in values else "val_loss"  # without an accuracy the loss decides
        score = values.get(tag, math.nan) * (1 if tag == "val_acc" else -1)
        improved = math.isfinite(score) and score > self.best
        if improved:
            self.best = score
            self.result |= {tag: round(values[tag], 6), "best_epoch": trainer.current_epoch + 1}
        self._save(trainer, best=improved)
        self._beat(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if self.run is None:
            return
        line = self.curves.epoch(trainer)
        with self.run.log.open("a", encoding="utf-8") as file:
            file.write(f"epoch {trainer.current_epoch + 1}{line}\n")
        self._save(trainer, snapshot=self._is_wanted(trainer.current_epoch + 1))
        self._beat(trainer)

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if self.run is None:
            return
        self._save(trainer, snapshot=True)
        if self.stopping:
            self._end(trainer, "stopped", "stopped on request")
        else:
            self._end(trainer, "finished", self.found.reason)

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        if self.run is None:
            return
        if isinstance(exception, KeyboardInterrupt):
            self._end(trainer, "stopped", "interrupted")
        else:
            self._end(trainer, "failed", first_line(exception))

    def _end(self, trainer: pl.Trainer, state: str, reason: str) -> None:
        run, self.run = self.run, None
        assert run is not None, "a training is recorded"
        self.heart.__exit__()
        self.curves.writer.close()
        result = {name: value for name, value in self.result.items() if is_score(name, value)}
        self._beat(trainer, state=state, reason=reason, ended=time.time(), eta_s=None, result=result)
        run.stop_request.unlink(missing_ok=True)

    def _beat(self, trainer: pl.Trainer, **values: object) -> None:
        step, steps = trainer.global_step, self.heart.status.steps or 0
        done, elapsed = step - self.first_step, time.time() - self.began
        if done > 0:
            images = self.found.batch_size * trainer.accumulate_grad_batches * trainer.world_size
            values.setdefault("images_per_s", done * images / max(1e-6, elapsed) or None)
            values.setdefault("eta_s", elapsed / done * max(0, steps - step) if steps else None)
        self.heart.beat(step=step, epoch=self.curves.position(trainer), **values)

    def _is_wanted(self, epoch: int) -> bool:
        return epoch in self.snapshots if self.snapshots else not epoch & (epoch - 1)  # else powers of two

    def _save(self, trainer: pl.Trainer, *, snapshot: bool = False, best: bool = False) -> None:
        """Write the snapshot, the best weights and the predictions of this step. A full disk ends nothing."""
        if self.found.converted is None or self.run is None:
            return
        step = trainer.global_step
        snapshot = snapshot and step != self.snapshot_step
        predicts = self.predictions is not None and step not in self.predictions.steps
        if not (snapshot or best or predicts):
            return
        network = self.found.converted.refresh()
        try:
            if snapshot:
                write_weights(self.run.checkpoints / f"step-{step:07d}.safetensors", network, torch.float16)
                self.snapshot_step = step
            if best:
                write_weights(self.run.best, network)
            if predicts:
                self._predict(network, step, self.curves.position(trainer))
        except OSError as error:
            print(f"a snapshot could not be written: {error.strerror}", file=sys.stderr, flush=True)

    def _no_predictions(self) -> Predictions | None:
        """Return the predictions of the eight images before the first one, None without them."""
        if self.found.converted is None or self.eight is None or not self.found.converted.config.classes:
            return None
        names = self.found.converted.config.classes
        count = len(self.eight.labels)
        nothing = np.zeros((0, count, len(names)), np.float32)
        return Predictions(
            self.eight.images, self.eight.labels, names, np.zeros(0, np.int64), np.zeros(0), nothing
        )

    @torch.no_grad()
    def _predict(self, network: nn.Module, step: int, epoch: float) -> None:
        assert self.eight is not None
        assert self.predictions is not None
        assert self.run is not None
        images = preprocessing_of(network).normalized(self.eight.images)
        probabilities = network(torch.from_numpy(images)).softmax(dim=1).numpy()
        if np.isfinite(probabilities).all():
            self.predictions = self.predictions.with_moment(step, epoch, probabilities)
            write_predictions(self.run.path, self.predictions)


def _eight(images: Any, labels: Any) -> Eight | None:
    """Return at most eight images with their labels. Raise `UserError` if they do not fit each other."""
    if images is None and labels is None:
        return None
    if images is None or labels is None:
        raise UserError("AttentionSnapshots needs both images= and labels=, or neither: give the other one.")
    pictures = read_images(images)
    kept = labels if hasattr(labels, "detach") or isinstance(labels, np.ndarray) else np.asarray(labels)
    classes = as_array(kept, "The labels")
    if classes.shape != (len(pictures),) or classes.dtype.kind not in "iu" or classes.min() < 0:
        raise UserError(
            f"labels= must hold the class of each of the {len(pictures)} images, a whole number: correct it."
        )
    if len({picture.values.shape for picture in pictures}) > 1:
        raise UserError("The images have different sizes: give them the size that the network takes.")
    classes = classes.astype(np.int64)
    chosen = choose(classes, COUNT)
    return Eight(np.stack([pictures[i].pixels for i in chosen]), classes[chosen])


def _snapshot_epochs(trainer: pl.Trainer) -> set[int]:
    """Return the epochs with a snapshot. Without a known number of epochs, return none."""
    epochs = trainer.max_epochs or -1
    if epochs < 0:
        steps, batches = trainer.estimated_stepping_batches, trainer.num_training_batches
        if not (math.isfinite(steps) and math.isfinite(batches) and steps > 0 and batches):
            return set()
        epochs = math.ceil(steps * trainer.accumulate_grad_batches / batches)
    return snapshot_epochs(epochs)
