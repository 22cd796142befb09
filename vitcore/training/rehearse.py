"""Some twenty real steps that tell what a training will take: minutes, memory, disk.

It is the training itself, through the same code, on the same data; it ends after those steps and leaves
nothing.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from vitcore.config import Config
from vitcore.data import Dataset, load_dataset, resolve
from vitcore.data.datasets import Split
from vitcore.errors import UserError
from vitcore.models.evaluate import evaluate
from vitcore.runs.load import Load, most_memory
from vitcore.training.callbacks import Guard
from vitcore.training.engine import reason_of
from vitcore.training.module import Classifier
from vitcore.training.ranks import world_of
from vitcore.training.reports import memory_of
from vitcore.training.setup import make_loaders, make_trainer, parts, prepare, quiet
from vitcore.training.storage import disk_of, state_bytes

STEPS, WARM, MOST_S = 20, 3, 30.0  # steps that are counted, before those, seconds after which fewer will do
BUSY = 0.2  # share of the processors from which on other programs are worth a word


@dataclass(frozen=True)
class Rehearsal:
    """What a training is expected to take."""

    minutes: float  # wall clock, from the start of its process to its last word
    memory_bytes: int  # most at once: of the process on a CPU, on the device else
    disk_bytes: int  # of the run folder when it is finished
    parameters: int
    steps: int  # of the whole training
    images_per_s: float  # while it trains
    counted: int  # steps that were measured
    device: str
    others: float = 0.0  # share of all processor time that other programs used meanwhile

    def __str__(self) -> str:
        if self.minutes < 1.5:
            long = f"{60 * self.minutes:.0f} seconds"
        elif self.minutes < 90:
            long = f"{self.minutes:.1f} minutes"
        else:
            long = f"{self.minutes / 60:.1f} hours"
        said = (
            f"About {long}, {self.memory_bytes / 1e9:.1f} GB of memory, {self.disk_bytes / 1e6:.0f} MB of "
            f"disk ({self.counted} steps measured on {self.device}: {self.images_per_s:,.0f} images/s)."
        )
        if self.others < BUSY or self.device != "cpu":
            return said
        return f"{said} Other programs used {100 * self.others:.0f} % of the processors: alone it is faster."


class Clock(Callback):
    """Takes the time of each step, and ends the fit."""

    def __init__(self, steps: int) -> None:
        self.wanted, self.times, self.began, self.last = steps, [], time.perf_counter(), None

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: object) -> None:
        if module.device.type == "cuda":
            torch.cuda.synchronize(module.device)
        now = time.perf_counter()
        if self.last is not None:
            self.times.append(now - self.last)
        self.last = now
        counted = len(self.times) - WARM + 1
        if counted >= self.wanted or (counted >= 3 and now - self.began > MOST_S):
            trainer.should_stop = True

    @property
    def seconds(self) -> list[float]:
        """Of the steps that count."""
        return self.times[WARM - 1 :]


def rehearse(config: Config, steps: int = STEPS, data: Dataset | None = None) -> Rehearsal:
    """Train that many steps, and some more to warm up; nothing is kept. Raises `UserError` where the training
    itself would.
    """
    try:
        return _rehearse(config, steps, data)
    except (RuntimeError, MemoryError, OSError) as error:
        if not (reason := reason_of(error)):
            raise
        raise UserError(f"{reason[:1].upper()}{reason[1:].rstrip('.')}.") from error


def _rehearse(config: Config, steps: int, data: Dataset | None) -> Rehearsal:
    quiet()
    if world_of(config) > 1:
        raise UserError("A rehearsal is for one device: leave out --devices and --nodes.")
    config = resolve(config)
    data = data or load_dataset(config.data, config.image_size)
    usual = config.model_copy(update={"minutes": None, "full_epochs": 0})
    load = Load()
    step_s, counted, trainer, module, count = _timed(usual, data, steps)
    others, save_s = load.others, _save_s(trainer)
    full_s = step_s
    if config.keep_patches < 1 and config.full_epochs:
        whole = usual.model_copy(update={"keep_patches": 1.0})
        full_s = _timed(whole, data, max(3, steps // 4))[0]
    device = trainer.strategy.root_device
    some = Split(data.test.images[:500], data.test.labels[:500])
    evaluate(module.model, some, device)  # the first time sets up what the later ones use
    began = time.perf_counter()
    evaluate(module.model, some, device)
    image_s = (time.perf_counter() - began) / len(some)
    held = len(parts(data, config)[1])
    full = min(config.full_epochs, config.epochs) if config.keep_patches < 1 else 0
    epoch_s = [count * (full_s if e >= config.epochs - full else step_s) + held * image_s + save_s
               for e in range(config.epochs)]  # fmt: skip
    training = 60 * config.minutes if config.minutes else sum(epoch_s)
    steps_in_all, epochs = count * config.epochs, config.epochs
    if config.minutes:
        steps_in_all = max(1, round(training / (sum(epoch_s) / config.epochs) * count))
        epochs = -(-steps_in_all // count)
    weights = sum(p.numel() * 4 for p in module.model.state_dict().values())
    return Rehearsal(
        minutes=(_startup_s() + training + len(data.test) * image_s) / 60,
        memory_bytes=most_memory() if device.type == "cpu" else memory_of(device),
        disk_bytes=disk_of(weights, state_bytes(module.model, config), config, epochs)[0],
        parameters=sum(p.numel() for p in module.model.parameters()),
        steps=steps_in_all,
        images_per_s=min(config.batch_size, len(parts(data, config)[0])) / step_s,
        counted=counted,
        device=str(device),
        others=others,
    )


def _timed(config: Config, data: Dataset, steps: int) -> tuple[float, int, pl.Trainer, Classifier, int]:
    """(median seconds of a step, how many were counted, trainer, module, steps of an epoch)"""
    pl.seed_everything(config.seed, verbose=False)
    module = Classifier(prepare(config, len(data.classes)), config)
    clock = Clock(steps)
    per_epoch = len(make_loaders(config, data, torch.device("cpu"))[0])
    epochs = -(-(steps + WARM + 1) // per_epoch)
    trainer = make_trainer(config.model_copy(update={"epochs": max(config.epochs, epochs)}), progress=False)
    loader, _ = make_loaders(config, data, trainer.strategy.root_device)
    trainer.callbacks += [clock, Guard(10)]
    trainer.fit(module, loader)  # validation is timed by itself
    if not clock.seconds:
        raise UserError("The training has too few steps to rehearse: just launch it.")
    return statistics.median(clock.seconds), len(clock.seconds), trainer, module, len(loader)


def _save_s(trainer: pl.Trainer) -> float:
    """Seconds that an epoch's end takes to write last.ckpt, and half as much again for the weights alone."""
    with tempfile.TemporaryDirectory(prefix="vitlab-") as place:
        began = time.perf_counter()
        trainer.save_checkpoint(Path(place) / "last.ckpt")
        return 1.5 * (time.perf_counter() - began)


def _startup_s() -> float:
    """From the start of this process until now, without what a training does not do: about its own start."""
    return IMPORTED_AT - psutil.Process().create_time()


IMPORTED_AT = time.time()
