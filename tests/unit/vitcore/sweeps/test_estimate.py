"""The expected time of a sweep: only measurements of comparable trainings count."""

from __future__ import annotations

import time

import pytest

from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, make_config
from vitcore.data import load_dataset
from vitcore.data.loader import EpochBatches
from vitcore.paths import runs_dir
from vitcore.queue.devices import Device
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run, find_run
from vitcore.runs.status import Status
from vitcore.sweeps.estimate import (
    TRAINING_IMAGES,
    Speed,
    device_of,
    earlier_speed,
    images_of,
    measured_speed,
    seconds_of,
    step_images,
    work_of,
)
from vitcore.sweeps.plan import plan_samples, plan_study

CPU = Device("cpu", "cpu", "A CPU")
GPU = Device("cuda:GPU-1", "cuda", "A GPU")


def mini(config: Config) -> int | None:
    return TRAINING_IMAGES.get(config.data)


def test_seconds_of_steps_are_images_over_speed():
    plan = plan_samples(["vit", "resnet"], shares=(0.1, 1.0), steps=500, seeds=(0,))
    size = plan.entries[0].config.batch_size
    speeds = {"vit": Speed(100.0, "x"), "resnet": Speed(400.0, "x")}
    expected = 2 * 500 * size / 100 + 2 * 500 * size / 400
    assert seconds_of(plan, lambda config: speeds[config.model], mini) == pytest.approx(expected)


def test_seconds_of_epochs_follow_full_batches_and_budgets_are_taken_as_they_are():
    plan = plan_study(make_config("quick", model="resnet"), {"epochs": [2, 4]})
    epochs = sum(entry.config.epochs for entry in plan.entries)
    images = 64 * (1000 // 64)  # the loader drops the last batch of a pass
    speed = Speed(50.0, "x")
    assert seconds_of(plan, lambda config: speed, lambda config: 1000) == pytest.approx(epochs * images / 50)
    budget = plan_study(make_config("quick", model="resnet", minutes=3), {"lr": [0.01]})
    assert seconds_of(budget, lambda config: None, lambda config: None) == 2 * 180


def test_unknown_speed_or_unknown_images_give_no_estimate():
    plan = plan_study(make_config("quick", model="resnet"), {"epochs": [2]})
    assert seconds_of(plan, lambda config: None, lambda config: 1000) is None
    assert seconds_of(plan, lambda config: Speed(50.0, "x"), lambda config: None) is None


@pytest.mark.parametrize("count", [3, 30, 64, 100, 1000])
@pytest.mark.parametrize("more", [{}, {"train_share": 0.5}, {"steps_per_epoch": 7}, {"batch_size": 8}])
def test_images_are_counted_as_the_loader_makes_the_batches(count, more):
    config = make_config("quick", model="resnet", epochs=2, **more)
    used = round(config.train_share * count)
    loader = EpochBatches(used, config.batch_size, seed=0, drop_last=True, length=config.steps_per_epoch)
    keys = list(loader)
    assert step_images(config, count) == keys[0].count
    assert images_of(config, count) == 2 * sum(key.count for key in keys)


def test_training_images_are_those_of_the_dataset():
    data = load_dataset("cifar10-mini")
    assert len(data.train) - len(data.validation) == TRAINING_IMAGES["cifar10-mini"]


def trained(
    active_s: float = 60.0, *, step: int = 300, device="cpu", machine="A CPU, 2 threads, Linux", **more
) -> Run:
    values = {"model": "resnet", "batch_size": 50, **more}
    status = Status(
        state="stopped", created=time.time(), step=step, active_s=active_s, device=device, machine=machine
    )
    return create_run(make_config(values.pop("recipe", "quick"), **values), runs_dir(), status=status)


def test_speed_of_the_first_comparable_run_that_trained_long_enough_is_used():
    wanted = make_config("quick", model="resnet", batch_size=50)
    runs = [find_run("resnet-cifar10"), trained(1.0), trained(60.0, seed=3, epochs=2, lr=0.3), trained(30.0)]
    speed = earlier_speed(wanted, runs, mini, CPU)
    assert speed is not None
    assert speed.images_per_s == pytest.approx(300 * 50 / 60)
    assert runs[2].title in speed.source


@pytest.mark.parametrize(
    "other",
    [
        {"model": "preactresnet"},
        {"c_hidden": [4, 4, 4]},
        {"num_blocks": [1, 1, 1]},
        {"batch_size": 10},
        {"data": "cifar10"},
        {"data": "folder:/elsewhere"},
        {"optimizer": "adamw"},
        {"augment": "trivial"},
        {"precision": "bfloat16"},
        {"compile": True},
        {"device": "cuda", "machine": "A GPU, Linux"},
        {"machine": "Another CPU, 64 threads, Linux"},
    ],
    ids=str,
)
def test_training_of_another_network_on_other_data_or_on_another_machine_is_not_used(other):
    wanted = make_config("quick", model="resnet", batch_size=50)
    assert earlier_speed(wanted, [trained(**other)], lambda config: 3_500, CPU) is None
    assert earlier_speed(wanted, [trained()], lambda config: 3_500, GPU) is None
    assert earlier_speed(wanted, [trained()], lambda config: 3_500, CPU) is not None


def test_training_of_a_handful_of_steps_gives_no_estimate():
    wanted = make_config("quick", model="resnet", batch_size=50)
    assert earlier_speed(wanted, [trained(60.0, step=6)], mini, CPU) is None
    runs = [trained(60.0, step=6), trained(60.0, step=100)]
    speed = earlier_speed(wanted, runs, mini, CPU)
    assert speed is not None
    assert speed.images_per_s == pytest.approx(100 * 50 / 60)


def test_step_of_few_images_counts_as_few_images():
    config = make_config("quick", model="resnet", data="folder:/few", batch_size=50)
    speed = earlier_speed(config, [trained(data="folder:/few")], lambda config: 30, CPU)
    assert speed is not None
    assert speed.images_per_s == pytest.approx(300 * 30 / 60)


def test_image_size_and_options_of_every_model_make_trainings_incomparable():
    small = make_config(data="folder:/x", image_size=32)
    assert work_of(small) != work_of(make_config(data="folder:/x", image_size=64))
    for model, option in (("vit", "num_layers"), ("mixer", "embed_dim"), ("densenet", "growth_rate")):
        base = make_config(model=model)
        other = make_config(model=model, **{option: 2 * base.options[option]})
        assert work_of(base) != work_of(other)


def test_measured_speed_follows_the_recorded_minutes():
    speed = measured_speed(make_config("quick", model="vit"), CPU)
    assert speed is not None
    assert speed.images_per_s == pytest.approx(10 * 3_500 / (60 * 3.7))
    assert measured_speed(make_config("tutorial", model="vit"), CPU) is None  # its minutes are not recorded


def test_measured_speed_holds_only_for_the_recipe_as_it_was_measured():
    for changes in ({"num_layers": 2}, {"batch_size": 8}, {"data": "cifar10"}, {"keep_patches": 1.0}):
        assert measured_speed(make_config("quick", model="vit", **changes), CPU) is None, changes
    assert measured_speed(make_config("quick", model="vit"), GPU) is None
    gpu = make_config("gpu", model="vit", data="cifar10")
    assert measured_speed(gpu, CPU) is None
    assert measured_speed(gpu, GPU) is not None


def test_default_sweep_of_every_two_measured_models_has_an_estimate():
    """The settings that the models of a sweep share are those of the measured recipes."""
    for model in (name for name, a in ARCHITECTURES.items() if "quick" in a.measured):
        for entry in plan_samples([model, "vit"], recipe="quick").entries:
            assert measured_speed(entry.config, CPU) is not None, (model, entry.title)


def test_device_is_the_chosen_one_or_the_first_of_its_kind():
    assert device_of(make_config(), [GPU, CPU]) == GPU
    assert device_of(make_config(device="cpu"), [GPU, CPU]) == CPU
    assert device_of(make_config(), [CPU], None) == CPU
    assert device_of(make_config(device="cuda"), [CPU]) is None
