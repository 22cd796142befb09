"""The log folder of TensorBoard."""

from __future__ import annotations

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from tests.conftest import TINY_VIT
from tests.made_runs import make_run
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
