"""Trainings that last minutes instead of epochs."""

from __future__ import annotations

import math
import time

import pytest
import torch

from tests.small_trainings import config, same_weights, train_until
from vitcore.networks.vit import ViT
from vitcore.runs.metrics import read_scalars
from vitcore.training import budget, train
from vitcore.training.budget import Budget
from vitcore.training.module import Classifier


class Clock:
    """A clock that only training steps advance, by `step_s` seconds each."""

    step_s, now = 0.0625, 1000.0  # exact in floating point

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock, original = Clock(), Classifier.training_step

    def step(self, batch, index):
        clock.now += clock.step_s
        return original(self, batch, index)

    monkeypatch.setattr(Classifier, "training_step", step)
    monkeypatch.setattr(budget, "clock", clock)
    return clock


def of_minutes(colors, **more):
    """Return a configuration of 24 steps per epoch and 6 s, which are 96 steps of 1/16 s."""
    return config(colors, minutes=0.1, **{"batch_size": 4, "epochs": 10, **more})


def test_used_up_minutes_end_training_within_an_epoch_and_run_the_test(colors, clock):
    clock.step_s = 0.5
    run = train(of_minutes(colors), progress=False)
    status = run.status()
    assert (status.state, status.step) == ("finished", 12)
    scalars = read_scalars(run.path)
    assert scalars["val_acc"].steps.tolist() == scalars["test_acc"].steps.tolist() == [12]
    assert run.best.is_file()
    assert [path.stem for path in run.snapshots] == ["step-0000000", "step-0000012"]
    assert torch.load(run.last, weights_only=True)["global_step"] == 12


def test_used_up_minutes_end_training_on_a_real_clock(colors):
    start = time.monotonic()
    run = train(of_minutes(colors).model_copy(update={"minutes": 0.05}), progress=False)
    assert run.status().state == "finished"
    assert time.monotonic() - start >= 3.0
    used = torch.load(run.last, weights_only=True)["callbacks"]["Budget"]["used"]
    assert 3.0 <= used < 3.0 + 10.0  # plus the last step, validation and saving on a busy machine


def test_schedule_follows_the_used_share_of_the_time(colors, clock, monkeypatch):
    seen = []
    original = Budget.on_train_batch_end

    def note(self, trainer, module, *rest):
        seen.append(trainer.optimizers[0].param_groups[0]["lr"])
        original(self, trainer, module, *rest)

    monkeypatch.setattr(Budget, "on_train_batch_end", note)
    asked = of_minutes(colors, warmup_epochs=2.0)
    run = train(asked, progress=False)
    assert run.status().step == len(seen) == 96
    assert read_scalars(run.path)["val_acc"].steps.tolist() == [24, 48, 72, 96]
    assert [path.stem for path in run.snapshots] == [f"step-{step:07d}" for step in (0, 24, 48, 96)]
    for step, rate in enumerate(seen):  # of ten epochs with 240 steps
        at = step / 96 * 240
        if at < 48:
            wanted = (at + 1) / 49
        else:
            wanted = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (at - 48) / 192))
        # Within one of the 240 steps
        assert rate == pytest.approx(asked.lr * wanted, abs=asked.lr / 48), step


def test_patches_are_dropped_until_the_share_of_the_full_epochs(colors, clock, monkeypatch):
    original, seen = ViT.forward, []

    def forward(self, images, **more):
        if self.training:
            seen.append(more.get("keep", 1.0))
        return original(self, images, **more)

    monkeypatch.setattr(ViT, "forward", forward)
    train(of_minutes(colors, keep_patches=0.5, full_epochs=2), progress=False)
    assert sorted(seen) == seen
    assert (len(seen), seen.count(0.5)) == (96, 77)  # 77 begin before 80 % of the time is used


def test_stopped_and_resumed_run_equals_an_uninterrupted_one(colors, clock):
    whole = train(of_minutes(colors, keep_patches=0.5, full_epochs=2), progress=False)
    run = train_until(50, of_minutes(colors, keep_patches=0.5, full_epochs=2))
    assert torch.load(run.last, weights_only=True)["callbacks"]["Budget"]["used"] == 50 / 16
    clock.now += 3600  # pauses do not count
    train(resume=run, progress=False)
    assert (run.status().state, run.status().step) == ("finished", whole.status().step)
    assert same_weights(whole, run)
