"""The budget of a training in minutes: schedule, snapshots, bounds."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.small_trainings import config
from vitcore.config import build_config, make_config
from vitcore.errors import UserError
from vitcore.runs.creation import create_run
from vitcore.runs.listing import as_row, print_table
from vitcore.training.budget import Budget, longest
from vitcore.training.callbacks import snapshot_epochs


def test_resume_on_several_ranks_continues_the_schedule():
    minutes = Budget(make_config(minutes=1.0))
    minutes.load_state_dict({"used": 30.0})
    strategy = SimpleNamespace(broadcast=lambda value: value)
    trainer = SimpleNamespace(world_size=2, global_step=351, strategy=strategy)
    module = SimpleNamespace(share=0.0)
    minutes.on_train_start(trainer, module)
    minutes.on_train_batch_start(trainer, module)
    assert module.share == pytest.approx(0.5, abs=0.01)


def test_time_budget_keeps_few_snapshots_for_any_last_epoch():
    wanted = snapshot_epochs(longest(make_config(minutes=5.0)))
    for last in (1, 7, 30, 100, 9_999, 50_000):
        assert len({0, last} | {epoch for epoch in wanted if epoch <= last}) <= 24


def test_list_of_runs_shows_no_total_epochs_for_a_time_budget(colors):
    run = create_run(config(colors, minutes=5.0, epochs=3))
    assert as_row(run)["epochs"] is None
    assert as_row(create_run(config(colors, epochs=3)))["epochs"] == 3
    print_table([as_row(run)])


@pytest.mark.parametrize(("minutes", "words"), [(0, "more than 0"), (-1, "more than 0"), ("x", "a number")])
def test_minutes_out_of_bounds_are_rejected(minutes, words):
    with pytest.raises(UserError, match=words):
        make_config(minutes=minutes)
    assert build_config().minutes is None
