"""Run TensorBoard on all runs, with graphs and hyperparameters added to their event files.

The log folder consists of links, so that TensorBoard reads the runs' own files as they grow. The additions
are in separate files: for each run its settings with the final scores, and for each model its graph, which
all runs of that model share because tracing takes a second or two.
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

EVERY_S = 5.0  # seconds between two scans for new runs and files
MOST_GRAPHS = 24  # maximum number of models to trace, a second or two each
SETTINGS = (
    "model",
    "data",
    "recipe",
    "epochs",
    "minutes",
    "batch_size",
    "optimizer",
    "lr",
    "weight_decay",
    "schedule",
    "warmup_epochs",
    "label_smoothing",
    "augment",
    "keep_patches",
    "seed",
)


class Board:
    """The log folder `logdir` inside `place`. `update` links new files."""

    def __init__(self, place: Path, root: str | Path | None = None) -> None:
        self.root = root
        self.logdir, self.graph_dir = place / "runs", place / "graphs"
        self.graphs: dict[str, Path] = {}  # model key -> event file with its graph
        self.described: dict[str, bool] = {}  # run id -> whether its final scores were known

    def update(self) -> None:
        """Link new event files, and write the settings of new runs."""
        for run in [*list_runs(self.root), *foreign_runs(self.root)]:
            if not (files := event_files(run.path)):
                continue
            folder = self.logdir / run.id
            folder.mkdir(parents=True, exist_ok=True)
            for file in files:
                _link(folder, file)
            ended = bool(run.status().result)
            if self.described.get(run.id) in (None, not ended):  # new, or finished since it was described
                with contextlib.suppress(UserError):  # event files of other programs have no settings
                    self._describe(run, folder)
                self.described[run.id] = ended

    def _describe(self, run: Run, folder: Path) -> None:
        config = run.config
        given = {name: getattr(config, name) for name in SETTINGS} | config.options
        given = {k: v if isinstance(v, bool | int | float | str) else str(v) for k, v in given.items()}
        result = run.status().result
        scores = {name: result[name] for name in ("val_acc", "test_acc") if name in result}
        with SummaryWriter(str(folder), filename_suffix=".vitlab") as writer:
            assert writer.file_writer is not None, "a new writer is open"
            for summary in hparams(given, scores)[1:]:  # skip the list of names, which differ between models
                writer.file_writer.add_summary(summary)
            for name, value in scores.items():
                writer.add_scalar(name, value, run.status().step)
        if (file := self._graph(config)) is not None:
            _link(folder, file)

    def _graph(self, config: Config) -> Path | None:
        """Return an event file with the traced model, shared by models of the same options and sizes."""
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
    """Run TensorBoard until it is interrupted or terminated. Return its exit code. Main thread only."""
    for name in ("SIGTERM", "SIGHUP"):  # otherwise TensorBoard would keep running, with its port and folder
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) == signal.SIG_DFL:  # not if `nohup` ignores it
            signal.signal(number, _interrupt)
    logging.getLogger("torch").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="vitlab-tensorboard-") as place:
        board = Board(Path(place), root)
        board.logdir.mkdir()
        print("Preparing graphs and hyperparameters ...", flush=True)
        board.update()
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(board.logdir)]
        # Read several files per run, because the files written here may be newer than the run's own.
        command += ["--port", str(port), "--reload_interval", "5", "--reload_multifile", "true"]
        child = subprocess.Popen(command)
        try:
            while child.poll() is None:
                time.sleep(EVERY_S)
                board.update()
        except KeyboardInterrupt:
            pass
        finally:  # also after an error, such as that of a full disk
            if child.poll() is None:
                child.terminate()
        return child.wait()


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
