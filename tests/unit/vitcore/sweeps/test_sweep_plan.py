"""Plans of sweeps: their configurations, and errors for invalid ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from vitcore.config import make_config
from vitcore.data import load_dataset
from vitcore.data.augment import subset
from vitcore.errors import UserError
from vitcore.sweeps.plan import MOST, plan_samples, plan_study, suggest, with_setting
from vitcore.sweeps.variants import settings_of
from vitcore.sweeps.wording import length_of, seeds_of, steps_of


def test_samples_equal_the_measured_command_lines():
    """The runs that were bundled were launched one by one with these settings: the same configurations."""
    plan = plan_samples(["resnet", "vit"], data="cifar10", shares=[0.25, 0.05, 0.1], seeds=[0, 1])
    measured = {"epochs": 10, "steps_per_epoch": 350}
    one_by_one = [
        make_config("quick", model=model, data="cifar10", seed=seed, train_share=share, **measured)
        for seed in (0, 1)
        for share in (0.05, 0.1, 0.25)
        for model in ("resnet", "vit")
    ]
    assert [entry.config for entry in plan.entries] == one_by_one
    assert {steps_of(config) for config in one_by_one} == {3_500}
    assert {length_of(config) for config in one_by_one} == {"3,500 steps"}
    assert seeds_of(one_by_one) == "seeds 0, 1"
    assert plan.entries[1].title == "ViT, 5 % of the images, seed 0"
    assert len({entry.title for entry in plan.entries}) == 12


def test_all_models_see_the_same_batches_and_keep_their_learning_rates():
    plan = plan_samples(
        ["googlenet", "vit", "densenet"], seeds=[3], batch_size=32, augment="trivial", recipe="modern"
    )
    configs = [entry.config for entry in plan.entries]
    assert {(c.batch_size, c.augment, c.label_smoothing, c.seed, c.epochs) for c in configs} == {
        (32, "trivial", 0.1, 3, 10)
    }
    assert {c.model: c.optimizer for c in configs} == {
        "googlenet": "adamw",
        "vit": "muon",
        "densenet": "adamw",
    }
    assert {c.keep_patches for c in configs if c.model == "vit"} == {0.5}


def test_variant_of_a_model_differs_only_in_its_own_settings():
    plan = plan_samples(
        ["vit", "vit+conv_stem", "vit+sam_rho=0.1+num-layers=4", "vit"], shares=[1], seeds=[0]
    )
    plain, stem, flat = (entry.config for entry in plan.entries)
    assert stem.options == {**plain.options, "conv_stem": True}
    assert stem.model_copy(update={"options": plain.options}) == plain
    assert (flat.sam_rho, flat.options) == (0.1, {**plain.options, "num_layers": 4})
    assert [entry.varied for entry in plan.entries] == [
        {},
        {"conv_stem": True},
        {"sam_rho": 0.1, "num_layers": 4},
    ]
    assert [entry.title.split(", 100 %")[0] for entry in plan.entries] == [
        "ViT",
        "ViT (conv stem)",
        "ViT (SAM radius 0.1, layers 4)",
    ]


def test_settings_of_a_model_hold_for_all_its_variants():
    plan = plan_samples(["vit", "vit+conv_stem", "resnet"], own={"vit": {"lr": 0.001}}, shares=[1], seeds=[0])
    rates = [entry.config.lr for entry in plan.entries]
    assert rates == [0.001, 0.001, make_config("quick", model="resnet").lr]


def test_shares_are_nested_and_the_validation_images_are_the_same():
    from vitcore.training.setup import parts

    data = load_dataset("cifar10-mini")
    plan = plan_samples(["vit"], data="cifar10-mini", seeds=[1])
    found = [parts(data, entry.config) for entry in plan.entries]
    seen = [{image.tobytes() for image in train.images} for train, _ in found]
    assert [len(s) for s in seen] == [180, 350, 880, 1750, 3500]  # 10 classes of round(share * 350)
    for smaller, larger in itertools.pairwise(seen):
        assert smaller < larger
    assert all(np.array_equal(held.images, found[0][1].images) for _, held in found)
    labels = np.repeat([0, 1], 50)
    assert not np.array_equal(subset(labels, 0.25, 0), subset(labels, 0.25, 1))  # each seed draws its own


def test_study_trains_the_base_once():
    at = make_config("quick", model="vit", epochs=2)
    plan = plan_study(at, {"patch_size": [2, 4, 8], "norm": ["pre", "post"], "lr": ["1e-3", 3e-4]})
    assert [entry.varied for entry in plan.entries] == [
        {},
        {"patch_size": 2},
        {"patch_size": 8},
        {"norm": "post"},
        {"lr": 0.0003},
    ]
    assert plan.entries[0].config == at
    for entry in plan.entries[1:]:
        ((name, value),) = entry.varied.items()
        config = entry.config
        inner = name in config.options
        assert (config.options[name] if inner else getattr(config, name)) == value
        undone = {**config.model_dump(), **({} if inner else {name: getattr(at, name)})}
        undone["options"] = {**undone["options"], **({name: at.options[name]} if inner else {})}
        assert undone == at.model_dump()
    twice = plan_study(at, {"patch_size": [2, 2], "num_heads": [4, 8]}, seeds=[0, 1, 1])
    assert [(e.varied, e.config.seed) for e in twice.entries] == [
        ({}, 0),
        ({"patch_size": 2}, 0),
        ({"num_heads": 4}, 0),
        ({}, 1),
        ({"patch_size": 2}, 1),
        ({"num_heads": 4}, 1),
    ]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"patch_size": [2, 5]}, "patch_size 5 cannot be tried: .*not divisible by patch_size 5"),
        ({"num_heads": [3]}, "num_heads 3 cannot be tried: embed_dim 256 is not divisible"),
        ({"dropout": [1.5]}, "dropout 1.5 cannot be tried: .*at most 0.9"),
        ({"norm": ["both"]}, "norm both cannot be tried"),
        ({"lr": ["fast"]}, "lr fast cannot be tried: .*must be a number"),
        ({"seed": [1]}, "cannot vary 'seed'"),
        ({"c_hidden": [[8]]}, "cannot vary 'c_hidden'"),
        ({"patch_size": []}, "at least one setting"),
        ({"epochs": range(1, MOST + 2)}, "choose fewer"),
    ],
)
def test_error_of_an_invalid_study_names_setting_and_value(values, words):
    with pytest.raises(UserError, match=words):
        plan_study(make_config("quick", model="vit"), values)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"models": []}, "at least one model"),
        ({"models": ["rnn"]}, "Unknown model 'rnn'"),
        ({"models": ["vit+"]}, "not a model with settings"),
        ({"models": ["vit+sam_rho="]}, "not a model with settings"),
        ({"models": ["+conv_stem"]}, "not a model with settings"),
        ({"models": ["vit+sam_rho=[1"]}, "sam_rho"),
        ({"models": ["vit+sam_rho=wide"]}, "sam_rho"),
        ({"models": ["resnet+conv_stem"]}, "conv_stem"),
        ({"models": ["vit+batch_size=8"]}, "batch_size is the same"),
        ({"models": ["vit+seed=8"]}, "seed is the same"),
        ({"models": ["vit+model=resnet"]}, "model cannot be set"),
        ({"models": ["vit+recipe=modern"]}, "recipe cannot be set"),
        ({"own": {"vit": {"recipe": "modern"}}}, "recipe cannot be set"),
        ({"shares": [0.0]}, "share 0 %"),
        ({"shares": [1.2]}, "share 120 %"),
        ({"steps": 3_496}, "choose 3,500"),
        ({"steps": 4}, "choose 10"),
        ({"seeds": [-1]}, "seed is -1"),
        ({"lr": 0.1}, "write MODEL.lr"),
        ({"own": {"vit": {"batch_size": 8}}}, "batch_size is the same"),
        ({"own": {"resnet": {"lr": 1}}}, "resnet is not a model of this sweep"),
        ({"own": {"vit": {"embed_dim": 100}}}, "not divisible"),
        ({"recipe": "tutorial"}, "never reaches"),
        ({"recipe": "none"}, "Unknown recipe"),
        ({"recipe": "pretrain"}, "without labels"),
    ],
)
def test_invalid_sweep_of_samples_is_rejected(given, words):
    with pytest.raises(UserError, match=words):
        plan_samples(given.pop("models", ["vit"]), **given)


@pytest.mark.parametrize("model", ["vit", "cct", "resnet", "mixer", "densenet"])
def test_every_suggested_value_is_valid(model):
    at = make_config("quick", model=model)
    for name in settings_of(at):
        for value in suggest(at, name):
            with_setting(at, name, value)
    assert suggest(make_config("quick", model="vit"), "patch_size") == [2, 4, 8]
    assert suggest(make_config("quick", model="vit"), "norm") == ["pre", "post"]
    assert 12 not in suggest(make_config("quick", model="vit", num_heads=2, embed_dim=62), "num_heads")
    assert suggest(make_config("quick", model="vit", num_heads=2, embed_dim=62), "num_heads") == [2]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"epochs": 1}, "1 epoch"),
        ({"epochs": 10}, "10 epochs"),
        ({"epochs": 2, "steps_per_epoch": 750}, "1,500 steps"),
        ({"epochs": 2, "steps_per_epoch": 750, "minutes": 2.5}, "2.5 minutes"),
    ],
)
def test_length_is_the_one_that_ends_the_training(settings, text):
    assert length_of(make_config("quick", **settings)) == text
