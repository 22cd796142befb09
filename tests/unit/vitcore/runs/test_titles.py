"""Default titles of runs, made of the settings that differ from the recipe."""

from __future__ import annotations

import pytest

from vitcore.config import changed_settings, make_config
from vitcore.paths import runs_dir
from vitcore.runs.creation import create_run
from vitcore.runs.status import TITLE_LENGTH
from vitcore.runs.titles import default_title, varied_settings


@pytest.mark.parametrize(
    ("settings", "title"),
    [
        ({"model": "resnet"}, "ResNet quick"),
        ({"model": "resnet", "epochs": 4, "seed": 1}, "ResNet quick, seed 1, 4 epochs"),
        ({"model": "resnet", "epochs": 1}, "ResNet quick, 1 epoch"),
        ({"model": "resnet", "epochs": 4, "minutes": 2.5}, "ResNet quick, 2.5 minutes"),
        ({"model": "vit", "keep_patches": 1.0, "lr": 0.01}, "ViT quick, learning rate 0.01, all patches"),
        ({"model": "vit", "patch_size": 8, "device": "cpu"}, "ViT quick, patch size 8"),
        ({"model": "vit", "cuda_graph": True, "matmul": "highest", "compile": True}, "ViT quick"),
        ({"model": "vit", "data": "cifar10"}, "ViT quick on cifar10"),
        ({"model": "vit", "data": "folder:/data/flowers"}, "ViT quick on flowers"),
        ({"model": "resnet", "nesterov": False}, "ResNet quick, no nesterov"),
    ],
)
def test_title_lists_what_differs_from_the_recipe(settings, title):
    assert default_title(make_config("quick", **settings)) == title


def test_title_with_many_changes_is_cut_between_settings():
    config = make_config(
        "quick", model="vit", seed=12345, epochs=17, batch_size=32, patch_size=8, weight_decay=0.125, lr=0.03
    )
    title = default_title(config)
    assert len(title) <= TITLE_LENGTH
    assert not title.endswith(",")
    assert title.startswith("ViT quick, seed 12345, 17 epochs")


def test_unknown_recipe_has_no_varied_settings():
    config = make_config("quick", model="vit", epochs=3).model_copy(update={"recipe": "somebodys"})
    assert varied_settings(config) == {}
    assert default_title(config) == "ViT somebodys"


def test_changed_settings_include_options_and_technical_settings():
    config = make_config("quick", model="vit", device="cpu", num_heads=4)
    assert changed_settings(config) == {"device": "cpu", "num_heads": 4}
    assert varied_settings(config) == {"num_heads": 4}


def test_run_without_a_title_gets_the_default_one():
    assert (
        create_run(make_config("quick", model="resnet", epochs=4), runs_dir()).title
        == "ResNet quick, 4 epochs"
    )
    assert create_run(make_config("quick"), runs_dir(), title="Mine").title == "Mine"
