"""Callbacks that save and end a training: stop requests, divergence guard, checkpoints, random state."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from safetensors.torch import save as pack

from vitcore.errors import UserError
from vitcore.models import weights_of
from vitcore.pretraining import DECODER
from vitcore.runs.files import write_atomic
from vitcore.runs.folder import Run
from vitcore.training.budget import max_epochs
from vitcore.training.module import Learner
from vitcore.training.ranks import EVERY, agreed, check_rank, random_states, restore_random_state

SNAPSHOTS = 24  # maximum number of snapshots per run
SAVE_EVERY_S = 300.0  # save last.ckpt at least this often during long epochs
DIVERGED = 20.0  # a training has diverged at this multiple of the loss of random guessing
Handler = Callable[[int, FrameType | None], Any] | int | None  # what signal.getsignal returns


class StopTraining(Exception):
    """Raised when the run was asked to stop. The message is the reason in status.json."""


class StopSwitch:
    """A flag that is true once a signal (terminate, Ctrl-C) or the run's request file asks to stop.

    A second Ctrl-C interrupts at once. As a context manager, it restores the previous signal handlers on
    exit. Without a run (on ranks other than 0), signals have no effect, because rank 0 decides for all.
    """

    def __init__(self, run: Run | None) -> None:
        self.run, self.pressed = run, False
        self.before: dict[int, Handler] = {}

    def __enter__(self) -> StopSwitch:
        if threading.current_thread() is threading.main_thread():  # other threads rely on the request file
            self.before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        self.install()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def install(self) -> None:
        """Install the signal handlers. Call this again after Lightning has set its own."""
        for number in self.before:
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # not KeyboardInterrupt, which Lightning turns into exit(1)
        if self.pressed and number == signal.SIGINT and self.run:
            raise StopTraining(f"interrupted; {self.run.resume_note}")
        self.pressed = True

    def __bool__(self) -> bool:
        return self.run is not None and (self.pressed or self.run.stop_request.exists())


class Guard(Callback):
    """End a diverged training before it is saved in a checkpoint. This callback must precede `Keeper`.

    A training has diverged if the loss or a weight is not finite, or if the loss exceeds `DIVERGED` times
    the loss of random guessing.
    """

    def __init__(self, every: int, run: Run | None = None) -> None:
        self.every, self.run = every, run

    def setup(self, trainer: pl.Trainer, module: Learner, stage: str) -> None:
        check_rank(module.config, trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, module: Learner, *_: object) -> None:
        if trainer.global_step % self.every == 0 or trainer.is_last_batch:
            self._check(trainer, module, weights=trainer.is_last_batch)  # and before validation

    def on_save_checkpoint(self, trainer: pl.Trainer, module: Learner, checkpoint: dict) -> None:
        self._check(trainer, module, weights=True)  # saving can happen at any step

    def _check(self, trainer: pl.Trainer, module: Learner, *, weights: bool) -> None:
        loss = float(module.last["train_loss"]) if module.last else 0.0
        bound = DIVERGED * module.loss_of_guessing
        diverged = not loss <= bound  # also true for NaN
        if weights and not diverged:
            diverged = not all(bool(p.isfinite().all()) for p in module.parameters())
        if agreed(trainer, diverged):
            kept = "; the last good checkpoint is kept" if self.run and self.run.last.is_file() else ""
            raise UserError(
                f"the training diverged at step {trainer.global_step:,} (loss {loss:.3g}): "
                f"lower the learning rate{kept}"
            )


class Keeper(Callback):
    """Save checkpoints.

    These are last.ckpt for resuming, best.safetensors by validation, and snapshots at log-spaced epochs. A
    training with a frozen backbone has no snapshots, because they would all show the same features. The best
    weights are those with the highest accuracy, or with the lowest loss if there are no labels.
    """

    def __init__(self, run: Run | None, switch: StopSwitch, epochs: int, images: str) -> None:
        self.run, self.switch = run, switch  # no run on ranks other than 0
        self.images = images  # the dataset's fingerprint
        self.best = -math.inf  # the score, or the negative loss: higher is better
        self.best_epoch = 0
        self.saved = time.time()
        self.wanted = snapshot_epochs(epochs)

    def on_train_start(self, trainer: pl.Trainer, module: Learner) -> None:
        self.switch.install()  # again, because Lightning has set its own handlers
        if not trainer.global_step:
            self._snapshot(trainer, module)

    def on_train_batch_end(self, trainer: pl.Trainer, module: Learner, *_: object) -> None:
        if trainer.is_last_batch:
            return  # the validation of this epoch comes first, then on_train_epoch_end
        if trainer.world_size > 1 and trainer.global_step % EVERY:
            return
        if agreed(trainer, bool(self.switch)):
            if not self._aborted(trainer):
                self._save_last(trainer)
            raise StopTraining(self._reason(trainer))
        if agreed(trainer, time.time() - self.saved > SAVE_EVERY_S):
            self._save_last(trainer)

    def on_validation_end(self, trainer: pl.Trainer, module: Learner) -> None:
        if trainer.sanity_checking:
            return
        epoch = trainer.current_epoch + 1
        score = module.better * float(trainer.callback_metrics[module.selected_by])
        if score > self.best:
            self.best, self.best_epoch = score, epoch
            if self.run:
                write_weights(self.run.best, module.model)
                if module.decoder is not None:
                    write_weights(self.run.checkpoints / DECODER, module.decoder)
        if epoch in self.wanted or trainer.should_stop:  # a used-up time budget makes this epoch the last
            self._snapshot(trainer, module)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: Learner) -> None:
        self._save_last(trainer)
        if agreed(trainer, bool(self.switch)) and epoch_follows(trainer):
            raise StopTraining(self._reason(trainer))

    def _aborted(self, trainer: pl.Trainer) -> bool:
        """Return whether to exit without saving. With several ranks, all always save together."""
        return bool(trainer.world_size == 1 and self.run and self.run.aborted)

    def _reason(self, trainer: pl.Trainer) -> str:
        if self.run and self._aborted(trainer):
            return f"stopped on request without saving; {self.run.resume_note}"
        return "stopped on request"

    def _snapshot(self, trainer: pl.Trainer, module: Learner) -> None:
        if not self.run or module.config.freeze:
            return
        path = self.run.checkpoints / f"step-{trainer.global_step:07d}.safetensors"
        write_weights(path, module.model, torch.float16)

    def _save_last(self, trainer: pl.Trainer) -> None:
        """Write last.ckpt atomically: after an interrupted or failed write the old checkpoint survives."""
        if not self.run:
            trainer.save_checkpoint("")  # takes part in saving; rank 0 writes the file
            return
        draft = self.run.checkpoints / f".last.{os.getpid()}.ckpt"
        try:
            trainer.save_checkpoint(draft)
            os.replace(draft, self.run.last)
        finally:
            Path(draft).unlink(missing_ok=True)
        self.saved = time.time()

    def on_save_checkpoint(self, trainer: pl.Trainer, module: Learner, checkpoint: dict) -> None:
        checkpoint["images"] = self.images
        if self.run:
            checkpoint["run"] = {"id": self.run.id, "created": self.run.stored_status().created}

    def state_dict(self) -> dict:
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: dict) -> None:
        self.best, self.best_epoch = state["best"], state["best_epoch"]


class RandomState(Callback):
    """Save torch's random state of every rank in the checkpoint.

    A resumed training then continues with the same random numbers for dropout and patch dropping.
    """

    def on_save_checkpoint(self, trainer: pl.Trainer, module: Learner, checkpoint: dict) -> None:
        checkpoint["random"] = random_states(trainer, module.device)

    def on_load_checkpoint(self, trainer: pl.Trainer, module: Learner, checkpoint: dict) -> None:
        self.states = checkpoint.get("random", [])

    def on_train_start(self, trainer: pl.Trainer, module: Learner) -> None:
        states = getattr(self, "states", [])
        if len(states) == trainer.world_size:  # a different number of devices gets new random numbers
            restore_random_state(states[trainer.global_rank], module.device)


def epoch_follows(trainer: pl.Trainer) -> bool:
    """Return whether another epoch follows the one that just ended."""
    return trainer.current_epoch + 1 < max_epochs(trainer) and not trainer.should_stop


def snapshot_epochs(epochs: int, most: int = SNAPSHOTS) -> set[int]:
    """Return at most `most` - 1 epochs from 1 to the last, for snapshots.

    Return all epochs if they are few, else log-spaced ones. The untrained state is one more snapshot.
    """
    if epochs < most:
        return set(range(1, epochs + 1))
    return {round(epochs ** (i / (most - 2))) for i in range(most - 1)}


def write_weights(path: Path, model: torch.nn.Module, dtype: torch.dtype = torch.float32) -> None:
    """Write a model's weights as safetensors, atomically."""
    write_atomic(path, pack(weights_of(model, dtype)))
