"""What keeps and ends a training: stopping, the guard, checkpoints, random state. One callback each."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from pathlib import Path
from types import FrameType

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from safetensors.torch import save as pack

from vitcore.errors import UserError
from vitcore.models import weights_of
from vitcore.runs.files import write_atomic
from vitcore.runs.folder import Run
from vitcore.training.ranks import EVERY, agreed, check_rank, random_states, restore_random_state

SNAPSHOTS = 24  # at most this many are kept along a run
SAVE_EVERY_S = 300.0  # last.ckpt at least this often, for long epochs
HOPELESS = 20.0


class StopTraining(Exception):
    """The run was asked to stop; says how it ended."""


class StopSwitch:
    """Whether this process was asked to stop: by signal (terminate, Ctrl-C) or by the run's request file.

    A second Ctrl-C interrupts at once. As a context it puts the previous signal handlers back at its end.
    Without a run (on the ranks after the first) signals do nothing: the first rank decides for all.
    """

    def __init__(self, run: Run | None) -> None:
        self.run, self.pressed = run, False
        self.before: dict[int, object] = {}

    def __enter__(self) -> StopSwitch:
        if threading.current_thread() is threading.main_thread():  # elsewhere the request file remains
            self.before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        self.install()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def install(self) -> None:
        """Handle the signals; called again once Lightning has set its own handlers."""
        for number in self.before:
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if (
            self.pressed and number == signal.SIGINT and self.run
        ):  # not KeyboardInterrupt: Lightning makes exit(1) of it
            raise StopTraining("interrupted; the last checkpoint is kept")
        self.pressed = True

    def __bool__(self) -> bool:
        return self.run is not None and (self.pressed or self.run.stop_request.exists())


class Guard(Callback):
    """Ends a training that has diverged, before any checkpoint could keep it. Goes before `Keeper`.

    Diverged: the loss or a weight is not a number, or the loss is more than `HOPELESS` times that of
    guessing.
    """

    def __init__(self, every: int) -> None:
        self.every = every

    def setup(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        check_rank(module.config, trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: object) -> None:
        if trainer.global_step % self.every == 0 or trainer.is_last_batch:
            self._check(trainer, module, weights=trainer.is_last_batch)  # the validation's weights, too

    def on_save_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict) -> None:
        self._check(trainer, module, weights=True)  # a save may come at any step

    def _check(self, trainer: pl.Trainer, module: pl.LightningModule, *, weights: bool) -> None:
        loss = float(module.last["train_loss"]) if module.last else 0.0
        bound = HOPELESS * math.log(max(2, module.config.num_classes))
        lost = not loss <= bound  # also when it is not a number
        if weights and not lost:
            lost = not all(bool(p.isfinite().all()) for p in module.parameters())
        if agreed(trainer, lost):
            raise UserError(
                f"the training diverged at step {trainer.global_step:,} (loss {loss:.3g}): "
                "lower the learning rate; the last good checkpoint is kept"
            )


class Keeper(Callback):
    """Checkpoints: last.ckpt to resume, best.safetensors by validation accuracy, snapshots at log-spaced
    epochs.
    """

    def __init__(self, run: Run | None, switch: StopSwitch, epochs: int, images: str) -> None:
        self.run, self.switch = run, switch  # no run on the ranks after the first
        self.images = images  # the dataset's fingerprint
        self.best = -1.0
        self.best_epoch = 0
        self.saved = time.time()
        self.wanted = snapshot_epochs(epochs)

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.switch.install()  # again: Lightning has put its own handlers in place
        if not trainer.global_step:
            self._snapshot(trainer, module)

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: object) -> None:
        if trainer.is_last_batch:
            return  # the validation of this epoch comes first, then on_train_epoch_end
        if trainer.world_size > 1 and trainer.global_step % EVERY:
            return
        if agreed(trainer, bool(self.switch)):
            if not self._aborted(trainer):
                self._save_last(trainer)
            raise StopTraining(self._words(trainer))
        if agreed(trainer, time.time() - self.saved > SAVE_EVERY_S):
            self._save_last(trainer)

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        epoch = trainer.current_epoch + 1
        accuracy = float(trainer.callback_metrics["val_acc"])
        if accuracy > self.best:
            self.best, self.best_epoch = accuracy, epoch
            if self.run:
                write_weights(self.run.best, module.model)
        if epoch in self.wanted or trainer.should_stop:  # minutes that are used make any epoch the last
            self._snapshot(trainer, module)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._save_last(trainer)
        if agreed(trainer, bool(self.switch)) and epoch_follows(trainer):
            raise StopTraining(self._words(trainer))

    def _aborted(self, trainer: pl.Trainer) -> bool:
        """Whether to end without saving; several ranks save together in any case."""
        return bool(trainer.world_size == 1 and self.run and self.run.aborted)

    def _words(self, trainer: pl.Trainer) -> str:
        if self._aborted(trainer):
            return "ended at once on request; resume goes on from the last checkpoint"
        return "stopped on request"

    def _snapshot(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if not self.run:
            return
        path = self.run.checkpoints / f"step-{trainer.global_step:07d}.safetensors"
        write_weights(path, module.model, torch.float16)

    def _save_last(self, trainer: pl.Trainer) -> None:
        """Write beside, then rename: an interrupted or failed write leaves the previous checkpoint as
        it was.
        """
        if not self.run:
            trainer.save_checkpoint("")  # takes part; the first rank writes
            return
        draft = self.run.checkpoints / f".last.{os.getpid()}.ckpt"
        try:
            trainer.save_checkpoint(draft)
            os.replace(draft, self.run.last)
        finally:
            Path(draft).unlink(missing_ok=True)
        self.saved = time.time()

    def on_save_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict) -> None:
        checkpoint["images"] = self.images

    def state_dict(self) -> dict:
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: dict) -> None:
        self.best, self.best_epoch = state["best"], state["best_epoch"]


class RandomState(Callback):
    """Keeps torch's random state of every rank in the checkpoint, so that dropout and patch dropping go on
    where they were.
    """

    def on_save_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict) -> None:
        checkpoint["random"] = random_states(trainer, module.device)

    def on_load_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict) -> None:
        self.states = checkpoint.get("random", [])

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        states = getattr(self, "states", [])
        if len(states) == trainer.world_size:  # on other devices it goes on with other random numbers
            restore_random_state(states[trainer.global_rank], module.device)


def epoch_follows(trainer: pl.Trainer) -> bool:
    """Whether the epoch that just ended was not the last one."""
    return trainer.current_epoch + 1 < trainer.max_epochs and not trainer.should_stop


def snapshot_epochs(epochs: int, most: int = SNAPSHOTS) -> set[int]:
    """At most `most` - 1 epochs from 1 to the last: all of few, else log-spaced (the untrained state is one
    more).
    """
    if epochs < most:
        return set(range(1, epochs + 1))
    return {round(epochs ** (i / (most - 2))) for i in range(most - 1)}


def write_weights(path: Path, model: torch.nn.Module, dtype: torch.dtype = torch.float32) -> None:
    """A model's weights as safetensors, in one step."""
    write_atomic(path, pack(weights_of(model, dtype)))
