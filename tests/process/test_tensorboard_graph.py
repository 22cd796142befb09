"""The log folder of TensorBoard."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from tests.conftest import TINY_VIT
from tests.made_runs import make_run
from vitcore import tensorboard
from vitcore.paths import runs_dir
from vitcore.tensorboard import Board


def test_runs_of_the_same_model_share_one_traced_graph(tmp_path):
    options = {k: v for k, v in TINY_VIT.items() if k != "batch_size"}
    same = [make_run(runs_dir(), name, seed=i, **options) for i, name in enumerate("ab")]
    other = make_run(runs_dir(), "c", **{**options, "num_layers": 1})
    for run in (*same, other):
        with SummaryWriter(str(run.path)) as writer:
            writer.add_scalar("val_acc", 0.5, 1)
    board = Board(tmp_path / "board")
    board.update()
    graphs = {}
    for run in (*same, other):
        (link,) = (board.logdir / run.id).glob("*.graph")
        graphs[run.id] = link.resolve()
        found = EventAccumulator(str(board.logdir / run.id)).Reload()
        assert any("transformer" in node.name for node in found.Graph().node)
        assert not list(run.path.glob("*.graph"))  # the run's own folder does not change
    assert graphs[same[0].id] == graphs[same[1].id] != graphs[other.id]
    before = sorted(p.name for p in board.logdir.rglob("*"))
    board.update()
    assert sorted(p.name for p in board.logdir.rglob("*")) == before


def test_final_scores_of_a_run_appear_once_it_has_them(tmp_path):
    run = make_run(runs_dir(), "a", **{k: v for k, v in TINY_VIT.items() if k != "batch_size"})
    with SummaryWriter(str(run.path)) as writer:
        writer.add_scalar("val_loss", 0.5, 1)
    board = Board(tmp_path / "board")
    board.update()
    run.write_status(run.stored_status().model_copy(update={"result": {"test_acc": 0.75, "n_test": 4}}))
    for _ in range(2):
        board.update()
        found = EventAccumulator(str(board.logdir / run.id)).Reload()
        assert [point.value for point in found.Scalars("test_acc")] == [0.75]


def test_tensorboard_ends_when_its_folder_cannot_be_written(monkeypatch):
    updates, started = iter([None, OSError(28, "No space left on device")]), []

    def update(board):
        if error := next(updates):
            raise error

    def start(command):
        started.append(popen([sys.executable, "-c", "import time; time.sleep(60)"]))
        return started[0]

    popen = subprocess.Popen
    monkeypatch.setattr(tensorboard.subprocess, "Popen", start)
    monkeypatch.setattr(tensorboard, "EVERY_S", 0.0)
    monkeypatch.setattr(Board, "update", update)
    with pytest.raises(OSError, match="No space"):
        tensorboard.serve(runs_dir())
    assert started[0].wait(30) != 0
