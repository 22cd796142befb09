"""TensorBoard over all runs: their event files as they are, with graphs and hyperparameters added.

A log folder is built of links, so that TensorBoard reads the runs' own files as they grow. What is made for
it is in files of its own: the settings with the final scores, one for each run, and the graph of the model,
one for all runs of the same model, because tracing it takes a second or two.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

import torch
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from vitcore.config import Config
from vitcore.errors import UserError
from vitcore.models import build_for
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.foreign import foreign_runs
from vitcore.runs.metrics import event_files

EVERY_S = 5.0  # between two looks for new runs and files
MOST_GRAPHS = 24  # different models that are traced, a second or two each
SETTINGS = ("model", "data", "recipe", "epochs", "minutes", "batch_size", "optimizer", "lr", "weight_decay",
            "schedule", "warmup_epochs", "label_smoothing", "augment", "keep_patches", "seed")  # fmt: skip


class Board:
    """The log folder `logdir`, below `place`; `update` links what is new."""

    def __init__(self, place: Path, root: str | Path | None = None) -> None:
        self.root = root
        self.logdir, self.graph_dir = place / "runs", place / "graphs"
        self.graphs: dict[str, Path] = {}  # the event file with the graph of a model
        self.described: set[str] = set()

    def update(self) -> None:
        """Link new event files, and describe runs that are over or new."""
        for run in [*list_runs(self.root), *foreign_runs(self.root)]:
            if not (files := event_files(run.path)):
                continue
            folder = self.logdir / run.id
            folder.mkdir(parents=True, exist_ok=True)
            for file in files:
                _link(folder, file)
            if run.id not in self.described:
                with contextlib.suppress(UserError):  # somebody else's event files have no settings
                    self._describe(run, folder)
                self.described.add(run.id)

    def _describe(self, run: Run, folder: Path) -> None:
        config = run.config
        given = {name: getattr(config, name) for name in SETTINGS} | config.options
        given = {k: v if isinstance(v, bool | int | float | str) else str(v) for k, v in given.items()}
        result = run.status().result
        scores = {name: result[name] for name in ("val_acc", "test_acc") if name in result}
        with SummaryWriter(str(folder), filename_suffix=".vitlab") as writer:
            for summary in hparams(given, scores)[1:]:  # without a list of names: models have others
                writer.file_writer.add_summary(summary)
            for name, value in scores.items():
                writer.add_scalar(name, value, run.status().step)
        if (file := self._graph(config)) is not None:
            _link(folder, file)

    def _graph(self, config: Config) -> Path | None:
        """An event file with the traced model; models of the same options and sizes share it."""
        key = repr((config.model, sorted(config.options.items()), config.image_size, config.num_classes))
        if key not in self.graphs and len(self.graphs) < MOST_GRAPHS:
            place = self.graph_dir / str(len(self.graphs))
            with SummaryWriter(str(place), filename_suffix=".graph") as writer:
                image = torch.zeros(1, 3, config.image_size, config.image_size)
                writer.add_graph(build_for(config).eval(), image)
            (self.graphs[key],) = event_files(place)
        return self.graphs.get(key)


def _link(folder: Path, file: Path) -> None:
    if not (link := folder / file.name).is_symlink():
        link.symlink_to(file.resolve())


def serve(root: str | Path | None = None, port: int = 6006) -> int:
    """Run TensorBoard until it is interrupted or told to end; returns its exit code. In the main thread."""
    for name in ("SIGTERM", "SIGHUP"):  # otherwise TensorBoard would go on, and keep its port and folder
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) == signal.SIG_DFL:  # not where `nohup` has it ignored
            signal.signal(number, _end)
    logging.getLogger("torch").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="vitlab-tensorboard-") as place:
        board = Board(Path(place), root)
        board.logdir.mkdir()
        print("Preparing graphs and hyperparameters ...", flush=True)
        board.update()
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(board.logdir)]
        # several files of a run are read: those that were made here may be newer than its own
        command += ["--port", str(port), "--reload_interval", "5", "--reload_multifile", "true"]
        child = subprocess.Popen(command)
        try:
            while child.poll() is None:
                time.sleep(EVERY_S)
                board.update()
        except KeyboardInterrupt:
            child.terminate()
        return child.wait()


def _end(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
