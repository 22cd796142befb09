"""Sweeps of samples with lines that start from the weights of runs: their plans and rows."""

from __future__ import annotations

import time

import pytest

from tests.command_line import check_refused, run
from tests.made_runs import make_run
from vitcore.data import resolve
from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.runs.creation import create_run
from vitcore.runs.folder import list_runs
from vitcore.runs.status import Status, SweepLink
from vitcore.sweeps.plan import plan_samples
from vitcore.sweeps.results import sample_curve
from vitcore.sweeps.sweep import find_sweep
from vitcore.sweeps.variants import settings_of

VIT = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 2, "patch_size": 8}
SHARED = ("batch_size", "augment", "label_smoothing", "mixup", "cutmix", "epochs", "steps_per_epoch", "seed")


@pytest.fixture
def start():
    return make_run(runs_dir(), "start", **VIT)


def test_fine_tuned_runs_see_the_same_batches_as_those_from_scratch(start):
    plan = plan_samples(["resnet"], shares=[0.1, 1.0], steps=100, seeds=[0], starts=[start], batch_size=32)
    assert [entry.title for entry in plan.entries] == [
        "ResNet, 10 % of the images, seed 0",
        f"ViT from {start.id}, 10 % of the images, seed 0",
        "ResNet, 100 % of the images, seed 0",
        f"ViT from {start.id}, 100 % of the images, seed 0",
    ]
    scratch, tuned = (entry.config for entry in plan.entries[:2])
    assert [getattr(scratch, name) for name in SHARED] == [getattr(tuned, name) for name in SHARED]
    assert (tuned.start, tuned.recipe, tuned.layer_decay) == (start.id, "finetune", 0.75)
    assert tuned.options == start.config.options
    assert not scratch.start


def test_all_lines_have_the_images_and_a_vit_the_options_of_the_start():
    pixels = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "crop": 0.9}
    given = {**VIT, "patch_size": 16, "registers": 2, "dropout": 0.3}
    large = make_run(runs_dir(), "large", data="photos", image_size=64, preprocessing=pixels, **given)
    models = ["vit", "vit+patch_size=32", "resnet", "mixer"]
    plan = plan_samples(models, data="folder:/x", shares=[1.0], steps=10, seeds=[0], starts=[large])
    configs = [entry.config for entry in plan.entries]
    assert {config.image_size for config in configs} == {64}
    assert {config.preprocessing for config in configs} == {large.config.preprocessing}
    vit, variant, _, mixer, tuned = (config.options for config in configs)
    assert vit == {**tuned, "dropout": vit["dropout"]}
    assert vit["dropout"] != 0.3  # which is of the recipe
    assert variant == {**vit, "patch_size": 32}
    assert mixer["patch_size"] == 16


def test_image_size_that_is_given_is_that_of_all_lines():
    large = make_run(runs_dir(), "large", data="photos", image_size=64, **VIT)
    given = {"data": "folder:/x", "shares": [1.0], "steps": 10, "seeds": [0]}
    plan = plan_samples(["vit"], starts=[large], image_size=48, **given)
    assert [entry.config.image_size for entry in plan.entries] == [48, 48]


def test_starts_of_different_image_sizes_need_one_for_all(start):
    large = make_run(runs_dir(), "large", data="photos", image_size=64, **VIT)
    given = {"data": "folder:/x", "shares": [1.0], "steps": 10, "seeds": [0], "starts": [start, large]}
    with pytest.raises(UserError, match=r"32 pixels.*64.*image_size"):
        plan_samples(["vit"], **given)
    plan = plan_samples(["vit"], image_size=64, **given)
    assert [entry.config.image_size for entry in plan.entries] == [64, 64, 64]


def test_start_without_labels_is_trained_with_labels():
    encoder = make_run(runs_dir(), "encoder", recipe="pretrain", **VIT)
    assert (encoder.config.mask_ratio, encoder.config.classes) == (0.75, ())
    (entry,) = plan_samples([], shares=[0.1], steps=10, seeds=[0], starts=[encoder]).entries
    assert (entry.config.start, entry.config.mask_ratio, entry.config.options["pool"]) == (
        encoder.id,
        0,
        "mean",
    )
    assert resolve(entry.config).num_classes == 10


def test_sweep_of_starts_alone_is_possible(start):
    other = make_run(runs_dir(), "other", **VIT)
    plan = plan_samples(
        [], shares=[1.0], steps=10, seeds=[0], starts=[start, other], start_recipe="linear-probe"
    )
    assert [entry.config.start for entry in plan.entries] == [start.id, other.id]
    assert all(entry.config.freeze for entry in plan.entries)
    with pytest.raises(UserError, match="model or start"):
        plan_samples([])


def finished(start, share: float, accuracy: float, **more) -> None:
    plan = plan_samples(["vit"], shares=[share], steps=10, seeds=[0], starts=[start], **more)
    for entry, score in zip(plan.entries, (accuracy, accuracy + 0.2), strict=True):
        result = {"test_acc": score, "val_acc": score, "n_test": 1000, "n_val": 500}
        status = Status(state="finished", created=time.time(), active_s=60.0, result=result)
        create_run(entry.config, status=status, sweep=SweepLink(name="mine", kind="samples"))


def test_lines_from_scratch_and_from_a_start_are_never_averaged(start):
    for share, accuracy in ((0.1, 0.3), (1.0, 0.6)):
        finished(start, share, accuracy)
    sweep = find_sweep("mine")
    rows = sample_curve(sweep.runs)
    assert [(row["label"], row["start"], row["share"], round(row["mean"] or 0, 3)) for row in rows] == [
        ("ViT", "", 0.1, 0.3),
        ("ViT", "", 1.0, 0.6),
        (f"ViT from {start.id}", start.id, 0.1, 0.5),
        (f"ViT from {start.id}", start.id, 1.0, 0.8),
    ]
    assert sweep.title == f"Sample efficiency of ViT and ViT from {start.id} on cifar10-mini"


def test_command_line_plans_lines_from_runs(start):
    common = ("--shares", "10", "--seeds", "0", "--steps", "10", "--dry-run")
    done = run("sweep", "samples", "vit", "--from", start.id, *common)
    assert done.returncode == 0, done.stderr
    assert "32x32 pixels" in done.stderr
    assert [" ".join(line.split()) for line in done.stdout.splitlines()[1:]] == [
        "ViT, 10 % of the images, seed 0 quick cifar10-mini 10 steps 0",
        f"ViT from {start.id}, 10 % of the images, seed 0 finetune cifar10-mini 10 steps 0",
    ]
    done = run("sweep", "samples", "--from", start.id, "--start-recipe", "linear-probe", *common)
    assert "linear-probe" in done.stdout
    check_refused(run("sweep", "samples", "--from", "nowhere", *common), "nowhere")
    check_refused(run("sweep", "samples", *common), "start")
    assert [found.id for found in list_runs(bundled=False)] == [start.id]


def test_study_does_not_vary_the_start(start):
    (entry,) = plan_samples([], shares=[1.0], steps=10, seeds=[0], starts=[start]).entries
    assert not {"start", "start_digest"} & set(settings_of(entry.config))
    assert {"head_lr", "layer_decay", "freeze"} <= set(settings_of(entry.config))
