"""Callbacks that report on a running training: scalars for TensorBoard, and status with heartbeat."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import psutil
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger

from vitcore.provenance import commit, machine
from vitcore.runs.folder import Run
from vitcore.runs.status import Status
from vitcore.training.budget import FOREVER, max_epochs
from vitcore.training.module import Learner
from vitcore.training.ranks import mean_of

BEAT_S = 1.0
SILENT_S = 10.0


class Scalars(Callback):
    """Write scalars to TensorBoard.

    They are train_loss and, with labels, train_acc (means since the last point), learning rate, epoch and
    val_*.
    """

    def __init__(self, every: int, log_line: Callable[[str], None]) -> None:
        self.every, self.log_line = every, log_line  # Lightning replaces an attribute `log`
        self.sums: dict[str, torch.Tensor] = {}
        self.count = 0

    def on_train_batch_end(self, trainer: pl.Trainer, module: Learner, *_: object) -> None:
        for name, value in module.last.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value.clone()
        self.count += 1
        if trainer.global_step % self.every == 0:
            means = mean_of(trainer, torch.stack(list(self.sums.values())) / self.count)
            values = dict(zip(self.sums, means.tolist(), strict=True))
            group = trainer.optimizers[0].param_groups[0]
            values["lr"] = group["lr"] / group.get("lr_scale", 1.0)  # the rate of the configuration
            self._write(trainer, values)
            self.sums, self.count = {}, 0

    def on_validation_epoch_end(self, trainer: pl.Trainer, module: Learner) -> None:
        if not trainer.sanity_checking:
            metrics = {k: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("val_")}
            self._write(trainer, metrics)
            scores = f"val_loss {metrics['val_loss']:.4f}"
            if "val_acc" in metrics:
                scores += f"  val_acc {100 * metrics['val_acc']:.2f} %"
            epochs = max_epochs(trainer)
            done = f"{trainer.current_epoch + 1}" + ("" if epochs == FOREVER else f"/{epochs}")
            self.log_line(f"epoch {done}  {scores}")

    def _write(self, trainer: pl.Trainer, values: dict[str, float]) -> None:
        if not trainer.is_global_zero:
            return
        epoch = trainer.global_step / trainer.num_training_batches
        logger = trainer.logger
        assert isinstance(logger, TensorBoardLogger), "rank 0 logs to the run folder"
        logger.log_metrics({**values, "epoch": epoch}, step=trainer.global_step)
        logger.experiment.flush()

    def on_save_checkpoint(self, trainer: pl.Trainer, module: Learner, checkpoint: dict) -> None:
        means = {name: mean_of(trainer, value) for name, value in self.sums.items()}  # resumed by all ranks
        checkpoint["scalars"] = {"sums": means, "count": self.count}

    def on_load_checkpoint(self, trainer: pl.Trainer, module: Learner, checkpoint: dict) -> None:
        state = checkpoint.get("scalars", {"sums": {}, "count": 0})
        self.sums = {name: value.to(module.device) for name, value in state["sums"].items()}
        self.count = state["count"]


class Heartbeat(Callback):
    """Keep status.json current: step, speed, time left. Update every second and at each validation batch.

    As a context manager, it also sends heartbeats during other work (a download, the test), so that other
    hosts do not consider the run lost.
    """

    def __init__(self, run: Run, status: Status, batch_size: int) -> None:
        self.run, self.status, self.batch_size = run, status, batch_size
        self.before = status.active_s
        self.began = self.written = time.time()
        self.first_step = status.step
        self.validating = 0.0  # seconds, which images/s must not include
        self.lock, self.over = threading.Lock(), threading.Event()

    def __enter__(self) -> Heartbeat:
        threading.Thread(target=self._while_silent, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()

    def _while_silent(self) -> None:
        while not self.over.wait(SILENT_S):
            with self.lock:
                if not self.over.is_set() and time.time() - self.written > SILENT_S:
                    self._write()

    def beat(self, **values: object) -> None:
        with self.lock:
            self._write(progressed=time.time(), **values)

    def _write(self, **values: object) -> None:
        now = time.time()
        active = self.before + now - self.began
        self.status = self.status.model_copy(update={"heartbeat": now, "active_s": active, **values})
        self.written = now
        try:
            self.run.write_status(self.status)
        except OSError as error:  # the disk is full, but the training continues: the next beat may succeed
            print(f"status.json could not be written: {error.strerror}", file=sys.stderr, flush=True)

    def on_train_start(self, trainer: pl.Trainer, module: Learner) -> None:
        self.began, self.validating = time.time(), 0.0
        self.first_step = trainer.global_step
        epochs = max_epochs(trainer)
        self.beat(
            steps=None if epochs == FOREVER else epochs * trainer.num_training_batches,
            device=str(module.device),
            machine=machine(str(module.device)),
            commit=commit(),
            precision=str(trainer.precision),
            memory_bytes=memory_of(module.device),
            memory_total=memory_total(module.device),
        )

    def on_train_batch_end(self, trainer: pl.Trainer, module: Learner, *_: object) -> None:
        if time.time() - self.written < BEAT_S:
            return
        step, steps = trainer.global_step, self.status.steps or 0
        elapsed = time.time() - self.began
        done = max(1, step - self.first_step)
        left = elapsed / done * (steps - step)
        # with a time budget, the end is known but not the number of steps
        if (minutes := module.config.minutes) and module.share:
            steps, left = round(step / module.share), 60 * minutes * (1 - module.share)
        rate = done * self.batch_size / max(1e-6, elapsed - self.validating)
        self.beat(
            step=step,
            epoch=step / trainer.num_training_batches,
            images_per_s=rate,
            steps=steps,
            eta_s=left,
            memory_bytes=memory_of(module.device),
        )

    def on_exception(self, trainer: pl.Trainer, module: Learner, *_: object) -> None:
        self.beat(step=trainer.global_step, epoch=trainer.global_step / max(1, trainer.num_training_batches))

    def on_validation_start(self, trainer: pl.Trainer, module: Learner) -> None:
        self.entered = time.time()

    def on_validation_batch_end(self, *_: object) -> None:
        if time.time() - self.written >= BEAT_S:
            self.beat()

    def on_validation_end(self, trainer: pl.Trainer, module: Learner) -> None:
        self.validating += time.time() - self.entered
        self.beat(step=trainer.global_step, epoch=trainer.global_step / trainer.num_training_batches)


def memory_of(device: torch.device) -> int:
    """Return memory use in bytes: of this process on the CPU, else the peak so far on the device."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    return psutil.Process().memory_info().rss


def memory_total(device: torch.device) -> int:
    """Return the total memory of the device in bytes."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return psutil.virtual_memory().total
