"""TensorBoard over all runs: their event files as they are, beside them graphs and hyperparameters.

A log folder is built of links, so that TensorBoard reads the runs' own files as they grow; what is made for
it, the graph of the model and the settings with the final scores, stands in a file of its own.
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
from torch.utils.tensorboard._pytorch_graph import graph
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
    """The log folder; `update` links what is new."""

    def __init__(self, place: Path, root: str | Path | None = None) -> None:
        self.place, self.root = place, root
        self.graphs: dict[str, object] = {}
        self.described: set[str] = set()

    def update(self) -> None:
        """Link new event files, and describe runs that are over or new."""
        for run in [*list_runs(self.root), *foreign_runs(self.root)]:
            if not (files := event_files(run.path)):
                continue
            folder = self.place / run.id
            folder.mkdir(parents=True, exist_ok=True)
            for file in files:
                if not (link := folder / file.name).is_symlink():
                    link.symlink_to(file.resolve())
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
            if (drawn := self._graph(config)) is not None:
                writer._get_file_writer().add_graph(drawn)

    def _graph(self, config: Config) -> object | None:
        """What torch's tracing makes of the model; alike for alike models."""
        shape = (config.image_size, config.num_classes)
        key = repr((config.model, sorted(config.options.items()), shape))
        if key not in self.graphs and len(self.graphs) < MOST_GRAPHS:
            model = build_for(config)
            image = torch.zeros(1, 3, config.image_size, config.image_size)
            self.graphs[key] = graph(model.eval(), image)
        return self.graphs.get(key)


def serve(root: str | Path | None = None, port: int = 6006) -> int:
    """Run TensorBoard until it is interrupted or told to end; returns its exit code. In the main thread."""
    for name in ("SIGTERM", "SIGHUP"):  # otherwise TensorBoard would go on, and keep its port and folder
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) == signal.SIG_DFL:  # not where `nohup` has it ignored
            signal.signal(number, _end)
    logging.getLogger("torch").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="vitlab-tensorboard-") as place:
        board = Board(Path(place), root)
        print("Preparing graphs and hyperparameters ...", flush=True)
        board.update()
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", place, "--port", str(port)]
        command += [
            "--reload_multifile",
            "true",
        ]  # the files that were made for it may be newer than a run's own
        child = subprocess.Popen([*command, "--reload_interval", "5"])
        try:
            while child.poll() is None:
                time.sleep(EVERY_S)
                board.update()
        except KeyboardInterrupt:
            child.terminate()
        return child.wait()


def _end(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
