"""Trainings that last minutes instead of epochs."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace

import pytest
import torch

from tests.training.test_train import config
from vitcore.config import build_config, make_config
from vitcore.errors import UserError
from vitcore.runs.folder import create_run
from vitcore.runs.listing import as_row, print_table
from vitcore.runs.metrics import read_scalars
from vitcore.training import train
from vitcore.training.budget import Budget, longest
from vitcore.training.callbacks import Keeper, snapshot_epochs


@pytest.fixture
def slow_steps(monkeypatch):
    """Every step takes at least so long: few epochs, not thousands."""
    original, pause = Keeper.on_train_batch_end, [0.01]

    def later(self, *given):
        time.sleep(pause[0])
        original(self, *given)

    monkeypatch.setattr(Keeper, "on_train_batch_end", later)
    return pause


def test_it_ends_with_its_minutes_in_the_middle_of_an_epoch_and_is_tested(colours, slow_steps):
    slow_steps[0] = 0.4  # 24 steps are more than the six seconds
    run = train(config(colours, minutes=0.1, batch_size=4), progress=False)
    status = run.status()
    assert status.state == "finished"
    assert 6.0 <= status.active_s < 30.0
    assert 0 < status.step < 24
    scalars = read_scalars(run.path)
    assert scalars["val_acc"].steps.tolist() == scalars["test_acc"].steps.tolist() == [status.step]
    assert run.best.is_file()
    assert run.snapshots[-1].name == f"step-{status.step:07d}.safetensors"
    assert torch.load(run.last, weights_only=True)["global_step"] == status.step


def test_the_schedule_follows_the_share_of_the_time(colours, slow_steps, monkeypatch):
    seen = []
    original = Budget.on_train_batch_end

    def note(self, trainer, module, *rest):
        seen.append((module.share, trainer.optimizers[0].param_groups[0]["lr"]))
        original(self, trainer, module, *rest)

    monkeypatch.setattr(Budget, "on_train_batch_end", note)
    asked = config(colours, minutes=0.1, batch_size=4, epochs=10, warmup_epochs=2.0)
    run = train(asked, progress=False)
    assert 2 < len(run.snapshots) <= 24
    shares, rates = zip(*seen[5:], strict=True)
    assert list(shares) == sorted(shares)
    for share, rate in zip(shares, rates, strict=True):
        if share > 0.22:  # two of ten epochs are warm-up; then the cosine over the rest
            done = (share - 0.2) / 0.8
            wanted = asked.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
            assert rate == pytest.approx(wanted, abs=0.03 * asked.lr)
        elif share < 0.18:
            assert rate == pytest.approx(asked.lr * share / 0.2, abs=0.03 * asked.lr)


def test_a_resume_has_the_minutes_that_are_left(colours, slow_steps, monkeypatch):
    original = Keeper.on_train_batch_end

    def stop_then(self, trainer, *rest):
        if trainer.global_step == 100:
            self.run.stop_request.touch()
        original(self, trainer, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "on_train_batch_end", stop_then)
        run = train(config(colours, minutes=0.1, batch_size=4), progress=False)
    assert run.status().state == "stopped"
    kept = torch.load(run.last, weights_only=True)["callbacks"]["Budget"]["used"]
    assert 1.0 <= kept < 6.0
    train(resume=run, progress=False)
    status = run.status()
    assert status.state == "finished"
    assert torch.load(run.last, weights_only=True)["callbacks"]["Budget"]["used"] == pytest.approx(
        6.0, abs=1.5
    )


def test_a_resume_of_several_ranks_goes_on_in_the_schedule_at_whatever_step_it_was():
    budget = Budget(make_config(minutes=1.0))
    budget.load_state_dict({"used": 30.0})
    strategy = SimpleNamespace(broadcast=lambda value: value)
    trainer = SimpleNamespace(world_size=2, global_step=351, strategy=strategy)
    module = SimpleNamespace(share=0.0)
    budget.on_train_start(trainer, module)
    budget.on_train_batch_start(trainer, module)
    assert module.share == pytest.approx(0.5, abs=0.01)


def test_snapshots_of_minutes_are_few_whatever_the_last_epoch_is():
    wanted = snapshot_epochs(longest(make_config(minutes=5.0)))
    for last in (1, 7, 30, 100, 9_999, 50_000):
        assert len({0, last} | {epoch for epoch in wanted if epoch <= last}) <= 24


def test_the_list_of_runs_does_not_promise_epochs_to_minutes(colours):
    run = create_run(config(colours, minutes=5.0, epochs=3))
    assert as_row(run)["epochs"] is None
    assert as_row(create_run(config(colours, epochs=3)))["epochs"] == 3
    print_table([as_row(run)])


@pytest.mark.parametrize(("minutes", "words"), [(0, "more than 0"), (-1, "more than 0"), ("x", "a number")])
def test_minutes_out_of_bounds_get_a_sentence(minutes, words):
    with pytest.raises(UserError, match=words):
        make_config(minutes=minutes)
    assert build_config().minutes is None
