"""The expected time of a sweep."""

from __future__ import annotations

import time

import pytest

from vitcore.config import make_config
from vitcore.data import load_dataset
from vitcore.paths import runs_dir
from vitcore.runs.creation import create_run
from vitcore.runs.folder import find_run
from vitcore.runs.status import Status
from vitcore.sweeps.estimate import TRAINING_IMAGES, Speed, earlier_speed, measured_speed, seconds_of
from vitcore.sweeps.plan import plan_samples, plan_study


def test_seconds_of_steps_are_images_over_speed():
    plan = plan_samples(["vit", "resnet"], shares=(0.1, 1.0), steps=500, seeds=(0,))
    size = plan.entries[0].config.batch_size
    speeds = {"vit": Speed(100.0, "x"), "resnet": Speed(400.0, "x")}
    expected = 2 * 500 * size / 100 + 2 * 500 * size / 400
    assert seconds_of(plan, speeds, lambda config: None) == pytest.approx(expected)


def test_seconds_of_epochs_follow_images_and_epochs_and_budgets_are_taken_as_they_are():
    plan = plan_study(make_config("quick", model="resnet"), {"epochs": [2, 4]})
    epochs = sum(entry.config.epochs for entry in plan.entries)
    speeds = {"resnet": Speed(50.0, "x")}
    assert seconds_of(plan, speeds, lambda config: 1000) == pytest.approx(epochs * 1000 / 50)
    budget = plan_study(make_config("quick", model="resnet", minutes=3), {"lr": [0.01]})
    assert seconds_of(budget, {}, lambda config: None) == 2 * 180


def test_unknown_speed_or_unknown_images_give_no_estimate():
    plan = plan_study(make_config("quick", model="resnet"), {"epochs": [2]})
    assert seconds_of(plan, {"resnet": None}, lambda config: 1000) is None
    assert seconds_of(plan, {"resnet": Speed(50.0, "x")}, lambda config: None) is None


def test_training_images_are_those_of_the_dataset():
    data = load_dataset("cifar10-mini")
    assert len(data.train) - len(data.validation) == TRAINING_IMAGES["cifar10-mini"]


def test_speed_of_the_first_earlier_run_that_trained_long_enough_is_used():
    def run(active_s, recipe="quick"):
        status = Status(state="stopped", created=time.time(), step=300, active_s=active_s)
        return create_run(make_config(recipe, model="resnet", batch_size=50), runs_dir(), status=status)

    runs = [find_run("resnet-cifar10"), run(1.0), run(60.0, "modern"), run(60.0), run(30.0)]
    speed = earlier_speed("resnet", "quick", runs)
    assert speed is not None
    assert speed.images_per_s == pytest.approx(300 * 50 / 60)
    assert runs[3].title in speed.source
    assert earlier_speed("vit", "quick", runs) is None


def test_measured_speed_follows_the_recorded_minutes():
    speed = measured_speed("vit", "quick")
    assert speed is not None
    assert speed.images_per_s == pytest.approx(10 * 3_500 / (60 * 3.7))
    assert measured_speed("vit", "tutorial") is None  # its minutes are not recorded
