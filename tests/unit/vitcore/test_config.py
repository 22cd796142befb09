"""The configuration: defaults, precedence, and one sentence for every error."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from vitcore.architectures import ARCHITECTURES, RECIPE_NAMES
from vitcore.architectures.vit import ViTOptions
from vitcore.config import (
    Config,
    bounds,
    build_config,
    choices,
    dump_config,
    make_config,
    read_config,
)
from vitcore.errors import UserError
from vitcore.recipes import FINE_TUNING


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model": "vgg"}, ["vgg", "vit", "resnet"]),
        ({"data": "mnist"}, ["mnist", "cifar10-mini"]),
        ({"data": "folder:x", "image_size": 100, "patch_size": 16}, ["100", "10, 20", "96 or 112"]),
        ({"epochs": -1}, ["epochs", "-1", "at least 1"]),
        ({"steps_per_epoch": 99_999_999}, ["steps_per_epoch", "at most 1,000,000"]),
        ({"seed": 99_999_999_999}, ["seed", "at most 2,147,483,647"]),
        ({"dropout": 1.5}, ["dropout", "1.5"]),
        ({"epochs": "many"}, ["epochs", "whole number"]),
        ({"embed_dim": 100}, ["100", "num_heads 8"]),
        ({"patch_size": 5}, ["32", "5", "4, 8"]),
        ({"lr": float("nan")}, ["lr", "finite"]),
        ({"recipe": "fancy"}, ["fancy", "quick"]),
        ({"unknown_thing": 1}, ["unknown_thing"]),
        ({"model": "resnet", "patch_size": 4}, ["patch_size", "resnet"]),
        ({"model": "resnet", "keep_patches": 0.5}, ["keep_patches", "vit"]),
        ({"model": "resnet", "optimizer": "muon"}, ["muon", "vit, mixer", "sgd"]),
        ({"model": "resnet", "c_hidden": [8], "num_blocks": [1, 1]}, ["c_hidden", "num_blocks"]),
        ({"image_size": 64}, ["image_size", "folder:PATH"]),
        ({"position": "sincos", "embed_dim": 18, "num_heads": 2}, ["sincos", "18"]),
        ({"position": "rotary", "embed_dim": 48, "num_heads": 8}, ["rotary", "6", "num_heads"]),
        ({"options": 3}, ["options"]),
        ({"devices": 3, "batch_size": 64}, ["batch_size 64", "3 devices"]),
    ],
)
def test_invalid_setting_is_reported_in_one_sentence(values, words):
    with pytest.raises(UserError) as caught:
        make_config(**values)
    text = str(caught.value)
    assert all(word in text for word in words), text
    assert text.endswith(".")
    assert "\n" not in text


def numeric(fields) -> list[str]:
    defaults = {name: info.default for name, info in fields.items()}
    return [name for name, value in defaults.items() if value is None or type(value) in (int, float, tuple)]


@pytest.mark.parametrize("model", ARCHITECTURES)
def test_true_and_false_are_not_numbers_in_any_setting(model, tmp_path):
    training = [name for name in numeric(Config.model_fields) if name != "classes"]
    assert {"seed", "lr", "minutes", "steps_per_epoch", "milestones", "devices"} <= set(training)
    fields = ARCHITECTURES[model].options.model_fields
    options = numeric(fields)
    config = make_config(model=model).model_dump(mode="json")
    for name in (*training, *options):
        place = options if name in options else training
        usual = (
            config["options"].get(name, fields[name].default)
            if place is options
            else config.get(name, Config.model_fields[name].default)
        )
        for wrong in (True, False, [*usual[:-1], True] if isinstance(usual, list) else True):
            with pytest.raises(UserError, match=rf"^{name} is .*(true|false)"):
                make_config(model=model, **{name: wrong})
            inner = {**config["options"], name: wrong} if place is options else config["options"]
            outer = config if place is options else {**config, name: wrong}
            (tmp_path / "config.yaml").write_text(yaml.safe_dump({**outer, "options": inner}))
            with pytest.raises(UserError, match=name):
                read_config(tmp_path / "config.yaml")


@pytest.mark.parametrize(
    ("name", "text"), [("epochs", "12"), ("lr", "0.1"), ("minutes", "5"), ("c_hidden", ["4", "8", "16"])]
)
def test_number_in_quotation_marks_is_refused(name, text, tmp_path):
    with pytest.raises(UserError, match=rf"^{name} is .*'"):
        make_config(model="resnet", **{name: text})


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.e-3", "0.1e-2", "+1e-3"])
def test_number_with_an_exponent_is_read_although_yaml_calls_it_text(text):
    assert make_config(**yaml.safe_load(f"lr: {text}")).lr == 0.001


@pytest.mark.parametrize("milestones", [[-1], [10**30], list(range(101))])
def test_milestones_are_epochs_that_a_training_can_have(milestones):
    with pytest.raises(UserError, match=r"^milestones"):
        make_config(milestones=milestones)


@pytest.mark.parametrize(
    "classes", [[], ["a", "a"], ["a", ""], ["a", "x" * 256], ["a", True], ["a", None], "ab"]
)
def test_names_of_classes_are_distinct_and_as_long_as_names_of_folders(classes):
    values = make_config().model_dump()
    with pytest.raises(UserError, match=r"^classes"):
        build_config(**{**values, "classes": classes})
    assert build_config(**{**values, "classes": ["a", "x" * 255]}).num_classes == 2


def test_switch_takes_true_and_false_and_no_other_number():
    assert make_config(compile=True).compile
    with pytest.raises(UserError, match=r"^compile is 5: .*true or false"):
        make_config(compile=5)


@pytest.mark.parametrize("model", ARCHITECTURES)
@pytest.mark.parametrize("recipe", [*RECIPE_NAMES, *FINE_TUNING])
def test_every_recipe_is_a_valid_configuration(recipe, model):
    config = make_config(recipe, model=model)
    assert (config.recipe, config.model) == (recipe, model)
    rare = ARCHITECTURES[model].options.rare  # options that are left out while they have their defaults
    assert set(config.options) == set(ARCHITECTURES[model].options.model_fields) - rare


def test_tutorial_recipe_is_the_published_one():
    vit, resnet = make_config("tutorial", model="vit"), make_config("tutorial", model="resnet")
    assert (vit.optimizer, vit.lr, vit.weight_decay, vit.options["dropout"]) == ("adamw", 3e-4, 0.01, 0.2)
    assert (resnet.optimizer, resnet.lr, resnet.momentum, resnet.weight_decay) == ("sgd", 0.1, 0.9, 1e-4)
    for config in (vit, resnet):
        assert (config.epochs, config.batch_size, config.schedule, config.milestones) == (
            180,
            128,
            "multistep",
            (100, 150),
        )
        assert (config.decay, config.nesterov, config.clip_norm, config.warmup_epochs) == (
            "all",
            False,
            0.0,
            0.0,
        )
        assert (config.augment, config.label_smoothing, config.keep_patches) == ("tutorial", 0.0, 1.0)


def test_overrides_take_precedence_and_reach_the_model():
    config = make_config("modern", model="vit", epochs=3, patch_size=8)
    assert (config.epochs, config.options["patch_size"]) == (3, 8)
    assert config.options["init_std"] == ARCHITECTURES["vit"].recipes["modern"]["options"]["init_std"]


@settings(max_examples=30)
@given(
    epochs=st.integers(1, 500),
    seed=st.integers(0, 2**31 - 1),
    lr=st.floats(1e-6, 1),
    patch=st.sampled_from([2, 4, 8, 16]),
)
def test_configuration_survives_a_round_trip_to_file(tmp_path_factory, epochs, seed, lr, patch):
    config = make_config(epochs=epochs, seed=seed, lr=lr, patch_size=patch)
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    path.write_text(dump_config(config))
    assert read_config(path) == config


@pytest.mark.parametrize(
    "text", ["", "- 1\n- 2", "epochs: [", "epochs: 0", "\x00\x01", "model: vit\noptions: {norm: mid}"]
)
def test_invalid_file_is_reported_in_one_sentence(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_config(path)
    assert "\n" not in str(caught.value)


def test_widgets_and_checks_read_the_same_bounds():
    low, high = bounds("epochs")
    assert build_config(epochs=low).epochs == low
    for wrong in (low - 1, high + 1):
        with pytest.raises(UserError):
            build_config(epochs=wrong)
    assert bounds("num_heads", ViTOptions) == (1, 64)
    assert choices("device") == ("auto", "cpu", "cuda", "mps")


def test_configuration_is_complete_and_immutable():
    config = build_config(model="vit")
    assert yaml.safe_load(dump_config(config))["options"]["num_layers"] == 6
    with pytest.raises(ValueError, match="frozen"):
        config.epochs = 3
    assert isinstance(config, Config)
