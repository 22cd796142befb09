"""Every run that a page offers can be named by a link in a talk."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch.utils.tensorboard import SummaryWriter

from dashboard.shared import page_runs
from dashboard.talk import scenes
from tests.conftest import TINY_VIT
from tests.made_runs import make_run
from vitcore.errors import UserError
from vitcore.paths import runs_dir

PARAMETER = {"training": "watch", "compare": "runs"}  # others: run
FOREIGN = {
    "keras/validation": {"epoch_accuracy": [0.1, 0.4], "epoch_loss": [2.0, 1.0]},
    "only loss": {"loss": [2.0, 1.0]},
    "only reward": {"reward": [2.0, 1.0]},
}


def write(place: Path, curves: dict[str, list[float]]) -> None:
    with SummaryWriter(str(place)) as writer:
        for tag, values in curves.items():
            for step, value in enumerate(values):
                writer.add_scalar(tag, value, step)


@pytest.fixture
def own_runs():
    """Write a trained run and the curves of other programs to the runs folder."""
    write(make_run(runs_dir(), "mine", model="vit", **TINY_VIT).path, {"val_acc": [0.1, 0.4]})
    for name, curves in FOREIGN.items():
        write(runs_dir() / name, curves)


@pytest.mark.parametrize("page", page_runs.OFFERED)
def test_every_run_that_a_page_offers_can_be_presented(page, own_runs):
    own = [run for run in page_runs.offered(page) if not run.bundled]
    assert own
    for run in own:
        assert scenes.scene(page, {PARAMETER.get(page, "run"): run.id})


@pytest.mark.parametrize("axis", ["epoch", "step", "wall clock", "images"])
@pytest.mark.parametrize("name", FOREIGN)
def test_imported_curves_are_presented_over_every_axis_that_the_page_offers(name, axis, own_runs):
    ((figure, _),) = scenes.scene("compare", {"runs": name, "x": axis}).parts
    assert any(len(trace.x) == 2 for trace in figure.data)
    assert sum(bool(trace.showlegend) for trace in figure.data) == 1


def test_run_of_another_page_is_not_reported_as_missing(own_runs):
    with pytest.raises(UserError, match="only loss, which this view can't show"):
        scenes.scene("training", {"watch": "only loss"})
