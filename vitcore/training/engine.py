"""`train(config)`: train a model in this process, and test its weights.

The training writes the run folder as it proceeds (see `vitcore.runs.folder`). The final state is finished,
stopped or failed.
"""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch
from filelock import FileLock, Timeout
from pytorch_lightning.loggers import TensorBoardLogger

from vitcore.config import Config
from vitcore.data import Dataset, dataset_for, resolve
from vitcore.data.decoded import keep_for_training
from vitcore.data.loader import EpochBatches
from vitcore.errors import UserError
from vitcore.models import load_run
from vitcore.paths import check_allowed
from vitcore.pretraining import DECODER
from vitcore.runs import process
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run, find_run
from vitcore.runs.metrics import event_files
from vitcore.runs.start import resolve_start, start_file
from vitcore.runs.status import Scores, Status
from vitcore.training.budget import Budget, longest
from vitcore.training.callbacks import Guard, Keeper, RandomState, StopSwitch, StopTraining
from vitcore.training.capture import Recorder
from vitcore.training.features import with_features
from vitcore.training.learning import PredictionRecorder
from vitcore.training.masked import ReconstructionRecorder, Reconstructor
from vitcore.training.module import Learner, compiler_errors
from vitcore.training.ranks import rank_of, world_of
from vitcore.training.reports import Heartbeat, Scalars
from vitcore.training.setup import (
    callbacks_of,
    first_line,
    learner_of,
    make_loaders,
    make_trainer,
    parts,
    prepare,
    quiet,
)
from vitcore.training.storage import check_room, read_checkpoint, step_of


class RunLogger(TensorBoardLogger):
    """Log TensorBoard events directly to the run folder. config.yaml replaces Lightning's hparams.yaml."""

    def save(self) -> None:
        self.experiment.flush()

    def finalize(self, status: str) -> None:
        """Only flush when Lightning ends the fit, because the test scores still go into the same file."""
        self.experiment.flush()


def train(
    config: Config | None = None,
    *,
    resume: str | Path | Run | None = None,
    runs_dir: str | Path | None = None,
    title: str = "",
    progress: bool = True,
) -> Run | None:
    """Train a new run from `config`, or continue the run `resume`. Return the run, whatever its state.

    Two trainings with one configuration on the CPU give identical weights. Raise `UserError` before anything
    is written when the configuration or the data are unusable. A failure during the training is recorded in
    the run's status and raised again.

    With several devices or nodes, every process calls this function. Ranks other than 0 own no run and return
    None.
    """
    check_allowed()
    quiet()
    keep_for_training()
    data = None
    if resume is not None:
        run = resume if isinstance(resume, Run) else find_run(resume, runs_dir)
        if rank_of(run.config):
            if run.bundled or run.stored_status().state == "finished":
                run.check_resumable()  # rank 0 refuses it too; rank 0 may have changed the other states
            return follow(run.config, run)
        run.check_resumable()
        if run.last.is_file():
            read_checkpoint(run.last)  # raises before anything is written: the run keeps its state
        run.stop_request.unlink(missing_ok=True)  # from a process that died before it read the request
    else:
        if config is None:
            raise UserError("Nothing to train: give a configuration, or a run to resume.")
        config = resolve(resolve_start(config, runs_dir))
        if rank_of(config):
            return follow(config, root=runs_dir)
        # Raises for sizes that do not fit
        prepare(config, start_file(config, runs_dir) if config.start else None)
        make_trainer(config, progress=False)  # raises for a missing device
        data = dataset_for(config)  # downloads it if it is missing
        _ = data.train, data.test, data.fingerprint  # read every image before anything is written
        now = time.time()
        status = Status(state="running", reason="starting", created=now, heartbeat=now, **process.identity())
        run = create_run(config, runs_dir, title=title, status=status)
    execute(run, progress=progress, data=data)
    return run


def execute(run: Run, *, progress: bool = True, data: Dataset | None = None) -> None:
    """Train the run of a run folder, from its last checkpoint if there is one, and record how it ended."""
    quiet()
    keep_for_training()
    if rank_of(run.config):
        return follow(run.config, run)
    try:
        held = FileLock(run.path / ".lock").acquire(blocking=False)
    except Timeout:
        raise UserError(
            f"Run {run.id} is already being trained by another process: stop that one first."
        ) from None
    with held:
        for draft in run.checkpoints.glob(".last.*.ckpt"):  # from a process killed while saving
            draft.unlink(missing_ok=True)
        _execute(run, progress, data)


def _execute(run: Run, progress: bool, data: Dataset | None) -> None:
    status = run.stored_status().model_copy(
        update={"state": "running", "reason": "", "started": time.time(), "ended": None, **process.identity()}
    )
    heart = Heartbeat(run, status, run.config.batch_size)
    heart.beat()
    try:
        with heart, StopSwitch(run) as switch:
            result = _run_rank_0(run, heart, switch, progress, data)
        heart.beat(state="finished", ended=time.time(), eta_s=None, result=result)
    except StopTraining as stop:
        heart.beat(state="stopped", reason=str(stop), ended=time.time(), eta_s=None)
    except BaseException as error:
        reason = reason_of(error)
        heart.beat(state="failed", reason=reason or first_line(error), ended=time.time(), eta_s=None)
        if reason:
            raise UserError(f"{reason[:1].upper()}{reason[1:].rstrip('.')}.") from error
        raise
    finally:
        run.stop_request.unlink(missing_ok=True)


def reason_of(error: BaseException) -> str:
    """Return a readable reason why a training ended, with advice. Empty for unexpected errors."""
    if isinstance(error, UserError):
        return str(error)
    text = str(error).lower()
    phrases = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
    names_memory = isinstance(error, RuntimeError) and any(phrase in text for phrase in phrases)
    if isinstance(error, MemoryError) or names_memory:
        return "out of memory: choose a smaller batch_size"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full: free some space and resume"
    if isinstance(error, compiler_errors()):
        return "torch.compile failed, for example because there is no C++ compiler: leave out compile=true"
    return ""


def _run_rank_0(
    run: Run, heart: Heartbeat, switch: StopSwitch, progress: bool, data: Dataset | None
) -> Scores:
    """Train as rank 0, the only rank that writes, then test on one device. Return the result."""
    config = run.config
    pl.seed_everything(config.seed, verbose=False)
    data = data or dataset_for(config)
    if switch:
        raise StopTraining("stopped on request")
    step = step_of(run.last, data) if run.last.is_file() else 0
    keeper = Keeper(run, switch, longest(config), data.fingerprint)
    start = start_file(config, run.path.parent, run) if config.start and not run.last.is_file() else None
    earlier = event_files(run.path)
    _await_a_later_second(earlier)
    logger = RunLogger(run.path, name="", version="", purge_step=step + 1 if earlier else None)
    log_line = _log_of(run, progress)
    train_part, val_part = parts(data, config)
    eight = (
        ReconstructionRecorder(run, val_part)
        if config.mask_ratio
        else PredictionRecorder(run, val_part, data.classes)
    )
    trainer, module = _fit(
        config,
        data,
        run.last,
        keeper,
        progress=progress,
        logger=logger,
        log_line=log_line,
        observers=[heart, eight],
        start=start,
    )
    best = learner_of(load_run(run), config)
    if isinstance(best, Reconstructor):
        best.load_decoder(run.checkpoints / DECODER)
    scores = best.measure(data.test, trainer.strategy.root_device)
    logger.log_metrics({str(name): score for name, score in scores.items()}, step=trainer.global_step)
    logger.experiment.close()
    return {
        "parameters": sum(p.numel() for p in module.model.parameters()),  # with frozen ones
        "n_train": len(train_part),
        module.selected_by: round(module.better * keeper.best, 6),
        "n_val": len(val_part),
        "best_epoch": keeper.best_epoch,
        **scores,
        "n_test": len(data.test),
    }


def _await_a_later_second(files: list[Path]) -> None:
    """Wait until the next second, so that the event file of a resume sorts last.

    Event files are named by the second and read in the order of their names.
    """
    stamps = [file.name.split(".")[3] for file in files if file.name.count(".") >= 3]
    seconds = [int(stamp) for stamp in stamps if stamp.isdigit()]
    if seconds:
        time.sleep(min(2.0, max(0.0, max(seconds) + 1 - time.time())))


def follow(config: Config, run: Run | None = None, root: str | Path | None = None) -> None:
    """Train as a rank other than 0: the same steps on other images, without writing the run folder.

    `run` is the run to continue, and `root` the runs folder of a new one.
    """
    pl.seed_everything(config.seed, verbose=False)
    data = dataset_for(config)
    last = run.last if run else None
    start = None
    if config.start and not (last and last.is_file()):
        start = start_file(config, run.path.parent if run else root, run)
    with StopSwitch(None) as switch, contextlib.suppress(StopTraining):
        _fit(config, data, last, Keeper(None, switch, longest(config), data.fingerprint), start=start)


def _fit(
    config: Config,
    data: Dataset,
    last: Path | None,
    keeper: Keeper,
    *,
    progress: bool = False,
    logger: RunLogger | None = None,
    log_line: Callable[[str], None] = lambda line: None,
    observers: Sequence[pl.Callback] = (),
    start: Path | None = None,
) -> tuple[pl.Trainer, Learner]:
    """Run the training, identically on every rank, from the checkpoint `last` if there is one.

    Without a checkpoint, a fine-tuning begins with the weights in the file `start`.
    """
    rank, world = rank_of(config), world_of(config)
    resume = last if last and last.is_file() else None
    module = learner_of(prepare(config, start), config)
    if keeper.run:
        check_room(keeper.run, module.model, config, module.decoder)
    if rank:
        torch.manual_seed(config.seed + rank)  # from here on, dropout differs between ranks
    trainer = make_trainer(config, progress=progress)
    device = trainer.strategy.root_device
    step = step_of(resume, data, module) if resume else 0
    if resume and config.freeze:  # features need the backbone before Lightning loads the checkpoint
        module.load_state_dict(read_checkpoint(resume, module)["state_dict"])

    def between_batches(done: int, total: int) -> None:
        if keeper.switch:
            raise StopTraining("stopped on request")

    loaders = make_loaders(config, data, device)
    loader, val_loader = with_features(
        module, loaders, data, device, log_line=log_line, report=between_batches
    )
    batches = loader.sampler
    assert isinstance(batches, EpochBatches), "make_loaders uses this sampler"
    batches.resume(step)
    every = max(1, min(50, len(loader) // 10))
    # The keeper comes last: it may end the training, and it saves only states that passed the guard.
    budget = [Budget(config)] if config.minutes else []
    callbacks_of(trainer).extend(
        [
            *budget,
            Recorder(log_line),
            Scalars(every, log_line),
            Guard(every, keeper.run),
            *observers,
            RandomState(),
            keeper,
        ]
    )
    trainer.logger = logger
    try:
        trainer.fit(module, loader, val_loader, ckpt_path=resume, weights_only=True if resume else None)
    finally:
        if world > 1 and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()  # its threads must end before the interpreter
    return trainer, module


def _log_of(run: Run, foreground: bool) -> Callable[[str], None]:
    """Return the function that logs a line per epoch. The output of a background run already is train.log."""

    def log_line(line: str) -> None:
        if foreground:
            with run.log.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        else:
            print(line, flush=True)

    return log_line
