"""Rehearsals: estimate the minutes, memory and disk of a training from about twenty real steps.

A rehearsal runs the same code on the same data as the training, but ends after those steps and keeps nothing.
On a busy machine the estimate is a range. There, threads that wait for each other can take many times longer
(60 times was measured, most of it spent spinning), so the lower end comes from steps on a single thread.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from vitcore import numbers
from vitcore.config import Config
from vitcore.data import Dataset, dataset_for, resolve
from vitcore.data.datasets import Split
from vitcore.errors import UserError
from vitcore.runs.machine_load import BUSY, Load, peak_memory
from vitcore.runs.start import resolve_start, start_file
from vitcore.training.callbacks import Guard
from vitcore.training.capture import WARM_UP, Recorder
from vitcore.training.engine import reason_of
from vitcore.training.features import are_fixed, with_features
from vitcore.training.module import Learner
from vitcore.training.ranks import world_of
from vitcore.training.reports import memory_of
from vitcore.training.setup import callbacks_of, learner_of, make_loaders, make_trainer, parts, prepare, quiet
from vitcore.training.step_timer import StepTimer
from vitcore.training.storage import disk_for

# Timed steps, warm-up steps, seconds after which fewer steps suffice
STEPS, WARM, MOST_S = 20, WARM_UP + 1, 30.0
SINGLE = 4  # steps on one thread if the machine is busy, including one warm-up step
PREDICTED = 8  # images whose predictions are recorded in every epoch
FEATURES = 32  # images whose features a rehearsal computes
UNEVEN, SLOW_S = 3.0, 0.05  # report uneven steps from this slow/fast ratio, if a slow step takes this long

Progress = Callable[[int, int], None]  # called with the number of steps so far and of all steps


@dataclass(frozen=True)
class Rehearsal:
    """The expected time, memory and disk space of a training."""

    minutes: float  # wall-clock time of the whole process
    memory_bytes: int  # peak memory: of the process on a CPU, else on the device
    disk_bytes: int  # size of the run folder when finished
    parameters: int
    steps: int  # of the whole training
    images_per_s: float  # training throughput
    counted: int  # steps that were measured
    device: str
    others: float = 0.0  # share of all CPU time that other programs used during the rehearsal
    least_minutes: float | None = None  # minimum, on an idle machine; None if the machine was idle
    steps_s: tuple[float, float] = (0.0, 0.0)  # a fast and a slow step: first and last tenth

    def __str__(self) -> str:
        least = self.least_minutes
        if least is not None and least < 0.8 * self.minutes:
            duration = f"From {numbers.duration(60 * least)} to {numbers.duration(60 * self.minutes)}"
            advice = "the training may take far less time once they end"
        else:
            duration = f"About {numbers.duration(60 * self.minutes)}"
            advice = "each step is faster when nothing else runs"
        text = (
            f"{duration}, {self.memory_bytes / 1e9:.1f} GB of memory, "
            f"{self.disk_bytes / 1e6:.0f} MB of disk ({self.counted} steps measured on {self.device}: "
            f"{self.images_per_s:,.0f} images/s)."
        )
        if self.others >= BUSY and self.device == "cpu":
            return (
                f"{text} This machine is busy: other programs used {numbers.percent(self.others, 0)} of its "
                f"processors; {advice}."
            )
        if _uneven(self.steps_s):
            fast, slow = (f"{seconds:.2g}" for seconds in self.steps_s)
            return f"{text} Steps took from {fast} to {slow} seconds: something else kept this machine busy."
        return text


def _uneven(steps_s: tuple[float, float]) -> bool:
    fast, slow = steps_s
    return slow >= max(SLOW_S, UNEVEN * fast)


@dataclass(frozen=True)
class Steps:
    """The measured times of training steps. `one_thread_s` is measured only on a busy machine."""

    seconds: list[float]  # of each step with all threads, without warm-up steps
    others: float  # share of all CPU time that other programs used during the measurement
    threads: int
    cpu: bool = True
    one_thread_s: float | None = None  # CPU seconds of a step on one thread

    @property
    def median(self) -> float:
        """Median seconds of a step."""
        return statistics.median(self.seconds)

    @property
    def span(self) -> tuple[float, float]:
        """Seconds of a fast and of a slow step."""
        if len(self.seconds) < 2:
            return self.seconds[0], self.seconds[0]
        tenths = statistics.quantiles(self.seconds, n=10, method="inclusive")
        return tenths[0], tenths[-1]

    @property
    def busy(self) -> bool:
        """Whether other programs used the CPU, or the step times vary as if they did."""
        return (self.others >= BUSY and self.cpu) or _uneven(self.span)

    @property
    def least(self) -> float:
        """Minimum seconds of a step on an idle machine: the time on one thread divided among all threads."""
        step_s = self.span[0] if self.busy else self.median
        return step_s if self.one_thread_s is None else min(step_s, self.one_thread_s / self.threads)


@dataclass
class Trial:
    """A training set up for timing its steps. It can be run several times."""

    trainer: pl.Trainer
    module: Learner
    loader: DataLoader

    @classmethod
    def of(cls, config: Config, data: Dataset, steps: int, start: Path | None = None) -> Trial:
        """Set up a training with enough epochs for `steps` steps and those on one thread.

        A fine-tuning begins with the weights in the file `start`. If a linear probe trains on features, those
        of a few images stand for all: they take as long per step.
        """
        pl.seed_everything(config.seed, verbose=False)
        module = learner_of(prepare(config, start), config)
        per_epoch = len(make_loaders(config, data, torch.device("cpu"))[0])
        epochs = math.ceil((steps + WARM + 1) / per_epoch) + math.ceil((SINGLE + 1) / per_epoch)
        trainer = make_trainer(
            config.model_copy(update={"epochs": max(config.epochs, epochs)}), progress=False
        )
        device = trainer.strategy.root_device
        loaders = make_loaders(config, data, device)
        loader, _ = with_features(module, loaders, data, device, most=FEATURES)
        callbacks_of(trainer).extend([Recorder(print), Guard(10)])
        return cls(trainer, module, loader)

    def steps(self, count: int, report: Progress = lambda done, total: None) -> Steps:
        """Time `count` steps, or fewer if they are slow. On a busy machine, also time steps on one thread."""
        load, began, total = Load(), time.perf_counter(), count + WARM
        timer = StepTimer(
            time.perf_counter,
            lambda times: _enough(times, count, time.perf_counter() - began),
            lambda step: report(min(step, total), total),
        )
        self._run(timer)
        if not (seconds := _counted(timer.times)):
            raise UserError("The training has too few steps for a rehearsal: launch it instead.")
        cpu, threads = self.trainer.strategy.root_device.type == "cpu", torch.get_num_threads()
        timed = Steps(seconds, load.others, threads, cpu)
        if cpu and threads > 1 and timed.busy:
            return dataclasses.replace(timed, one_thread_s=self.one_thread_s())
        return timed

    def one_thread_s(self) -> float:
        """Return the CPU seconds of a step on one thread, which waits for no other thread."""
        timer = StepTimer(time.process_time, lambda times: len(times) >= SINGLE)
        with _one_thread():
            self._run(timer)
        return min(timer.times[1:])  # the first is a warm-up

    def _run(self, timer: StepTimer) -> None:
        callbacks_of(self.trainer).append(timer)
        self.trainer.fit(self.module, self.loader)  # validation is timed separately
        callbacks_of(self.trainer).remove(timer)


def _enough(times: list[float], wanted: int, spent: float) -> bool:
    counted = len(_counted(times))
    late = spent > MOST_S and counted >= 3
    return counted >= wanted or late or (spent > 2 * MOST_S and counted > 0)


def _counted(times: list[float]) -> list[float]:
    """Return the steps without warm-up. If steps are slow, only one of them is warm-up."""
    return times[WARM - 1 :] if sum(times) < MOST_S else times[1:]


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def rehearse(
    config: Config,
    steps: int = STEPS,
    data: Dataset | None = None,
    report: Progress = lambda done, total: None,
    root: str | Path | None = None,
) -> Rehearsal:
    """Estimate a training from `steps` real steps and some warm-up steps. Nothing is kept.

    `report` also counts the warm-up steps. `root` is the runs folder with the start of a fine-tuning. Raise
    `UserError` in the same cases as the training itself.
    """
    try:
        return _rehearse(config, steps, data, report, root)
    except (RuntimeError, MemoryError, OSError) as error:
        if not (reason := reason_of(error)):
            raise
        raise UserError(f"{reason[:1].upper()}{reason[1:].rstrip('.')}.") from error


def _rehearse(
    config: Config, steps: int, data: Dataset | None, report: Progress, root: str | Path | None
) -> Rehearsal:
    quiet()
    if world_of(config) > 1:
        raise UserError("A rehearsal uses one device: leave out --devices and --nodes.")
    config = resolve(resolve_start(config, root))
    start = start_file(config, root) if config.start else None
    data = data or dataset_for(config)
    usual = config.model_copy(update={"minutes": None, "full_epochs": 0})
    trial = Trial.of(usual, data, steps, start)
    timed, count = trial.steps(steps, report), len(trial.loader)
    save_s = _save_s(trial.trainer)
    full_s, full_least = timed.median, timed.least  # per step with all patches
    if config.keep_patches < 1 and config.full_epochs:
        few = max(3, steps // 4)
        complete = Trial.of(usual.model_copy(update={"keep_patches": 1.0}), data, few, start)
        if timed.one_thread_s:  # many threads would take minutes for the same result
            ratio = complete.one_thread_s() / timed.one_thread_s
            full_s, full_least = ratio * timed.median, ratio * timed.least
        else:
            full_timed = complete.steps(few)
            full_s, full_least = full_timed.median, full_timed.least
    device = trial.trainer.strategy.root_device
    if are_fixed(config):
        image_s, image_least = _backbone_s(trial.module, data.test.part(slice(FEATURES)), device, timed)
    else:
        image_s, image_least = _image_s(trial.module, data.test.part(slice(500)), device, timed)
    full = min(config.full_epochs, config.epochs) if config.keep_patches < 1 else 0
    train_part, held_part = parts(data, config)
    # images that are evaluated once for their features, or in every epoch for the validation
    held = len(held_part) + PREDICTED
    once, held = (len(train_part) + held, 0) if are_fixed(config) else (0, held)

    def epochs_s(step: float, full_step: float, image: float) -> float:
        steps_s = count * ((config.epochs - full) * step + full * full_step)
        return steps_s + config.epochs * (held * image + save_s) + once * image

    training = epochs_s(timed.median, full_s, image_s)
    least = epochs_s(timed.least, full_least, image_least)
    each_s = training / config.epochs
    if config.minutes:
        training, least = (60 * config.minutes + once * image for image in (image_s, image_least))
    seconds = _startup_s() + training + len(data.test) * image_s
    least_seconds = min(STARTUP_USED_S, _startup_s()) + least + len(data.test) * image_least
    total_steps, epochs = count * config.epochs, config.epochs
    if config.minutes:
        total_steps = max(1, round(training / each_s * count))
        epochs = -(-total_steps // count)
    model = trial.module.model
    return Rehearsal(
        minutes=seconds / 60,
        memory_bytes=peak_memory() if device.type == "cpu" else memory_of(device),
        disk_bytes=disk_for(model, config, trial.module.decoder, epochs)[0]
        + (start.stat().st_size if start else 0),
        parameters=sum(p.numel() for p in model.parameters()),
        steps=total_steps,
        images_per_s=min(config.batch_size, len(train_part)) / timed.median,
        counted=len(timed.seconds),
        device=str(device),
        others=timed.others,
        least_minutes=least_seconds / 60 if timed.busy else None,
        steps_s=timed.span,
    )


def _image_s(module: Learner, some: Split, device: torch.device, steps: Steps) -> tuple[float, float]:
    """Return the seconds to evaluate an image, and the minimum of these seconds.

    If the steps were slowed down, assume that the evaluation is slowed down by the same factor.
    """
    with _one_thread() if steps.one_thread_s else contextlib.nullcontext():  # avoids long waits
        module.measure(some, device)  # warm-up
        began, used = time.perf_counter(), time.process_time()
        module.measure(some, device)
    elapsed, computed = (time.perf_counter() - began) / len(some), (time.process_time() - used) / len(some)
    if steps.one_thread_s:
        per_step = computed / steps.one_thread_s  # time of an image relative to a step
        return per_step * steps.median, per_step * steps.least
    return elapsed, elapsed * steps.least / steps.median


def _backbone_s(module: Learner, some: Split, device: torch.device, steps: Steps) -> tuple[float, float]:
    """Return the seconds of a frozen backbone for an image, and the minimum of these seconds.

    They are measured as the training spends them, with all threads. The steps, which train only the head, do
    not show how much slower a busy machine makes it. Its features have been computed before, as a warm-up.
    """
    began = time.perf_counter()
    module.measure(some, device)
    elapsed = (time.perf_counter() - began) / len(some)
    if not steps.busy or device.type != "cpu":
        return elapsed, elapsed
    with _one_thread():
        used = time.process_time()
        module.measure(some, device)
    return elapsed, min(elapsed, (time.process_time() - used) / len(some) / steps.threads)


def _save_s(trainer: pl.Trainer) -> float:
    """Return the seconds to write last.ckpt at the end of an epoch, plus half as much for the weights."""
    with tempfile.TemporaryDirectory(prefix="vitlab-") as place:
        began = time.perf_counter()
        trainer.save_checkpoint(Path(place) / "last.ckpt")
        return 1.5 * (time.perf_counter() - began)


def _startup_s() -> float:
    """Return an estimate of a training's startup time, from the startup time of this process."""
    return IMPORTED_AT - psutil.Process().create_time()


IMPORTED_AT, STARTUP_USED_S = time.time(), time.process_time()
