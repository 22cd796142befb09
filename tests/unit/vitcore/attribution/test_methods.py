"""The catalog of attribution methods, and the command that uses it."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
import torch

import vitcore
from tests.command_line import check_refused, run
from vitcore.analysis.attention import as_input
from vitcore.analysis.relevance import relevance
from vitcore.attribution import METHODS, find_method, methods_for
from vitcore.data import load_dataset
from vitcore.errors import UserError
from vitcore.models import build


@pytest.fixture(scope="module")
def image():
    return torch.from_numpy(load_dataset("cifar10-mini").test.images[5:6])


def test_methods_for_a_model_begin_with_the_usual_one():
    assert list(methods_for(["attention"])) == list(METHODS)
    assert next(iter(methods_for(["attention"]))) == "relevance"
    assert list(methods_for(["stages"])) == ["grad-cam", "integrated-gradients", "occlusion"]
    assert list(methods_for([])) == ["integrated-gradients", "occlusion"]


@pytest.mark.parametrize("name", METHODS)
def test_method_is_described_for_the_page_and_the_guide(name):
    method = METHODS[name]
    assert method.name == name
    assert method.formula
    assert method.definition
    assert method.misleads.endswith(".")
    assert method.misleads.count(". ") == 0  # one sentence
    for setting in method.settings.values():
        assert not setting.options or setting.default in setting.options


@pytest.mark.parametrize(
    ("model", "has", "small"),
    [
        ("vit", "attention", {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 2}),
        ("resnet", "stages", {"c_hidden": [4, 8], "num_blocks": [1, 1]}),
        ("mixer", "stages", {"embed_dim": 16, "token_dim": 8, "channel_dim": 16, "num_layers": 2}),
        ("densenet", "stages", {"num_layers": [2, 2], "growth_rate": 4}),
        pytest.param("googlenet", "stages", {}, marks=pytest.mark.slow),  # has no smaller form
    ],
    ids=str,
)
def test_every_method_gives_a_map_for_each_class(image, model, has, small):
    torch.manual_seed(0)
    network, classes = build(model, **small).eval(), torch.arange(10)
    for method in methods_for([has]).values():
        maps = method.compute(network, image, classes, method.complete())
        assert maps.shape[0] == 10
        assert maps.shape[1] == maps.shape[2]
        assert 32 % maps.shape[1] == 0
        assert torch.isfinite(maps).all()
        assert method.signed or (maps >= 0).all()
        assert bool((maps == maps[0]).all()) != method.per_class, method.name
        assert all(parameter.grad is None for parameter in network.parameters())


def test_settings_are_read_from_texts_and_numbers():
    rollout = METHODS["rollout"]
    assert rollout.complete() == {"fusion": "mean", "discard": 0.0}
    assert rollout.complete({"discard": "0.9", "fusion": "max"}) == {"fusion": "max", "discard": 0.9}
    assert METHODS["grad-cam"].complete({"stage": "2"}) == {"stage": 2}
    for wrong in ({"discard": 2}, {"steps": 16}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            rollout.complete(wrong)
    given = {"discard": "7", "fusion": "min", "steps": "16"}
    assert rollout.usable(given) == ({"fusion": "min", "discard": 0.0}, ["discard"])


@pytest.mark.parametrize(
    ("model", "options", "stage", "existing"),
    [
        ("vit", {}, 1, "leave out the stage"),
        ("vit", {"conv_stem": True}, 2, "choose 1 "),
        ("cct", {}, 99, "choose 1 "),
        ("mixer", {"token_dim": 8, "channel_dim": 16}, 2, "choose one of 1."),
    ],
)
def test_grad_cam_refuses_a_stage_that_a_model_lacks_and_names_those_it_has(
    image, model, options, stage, existing
):
    sizes = {"embed_dim": 16, "num_layers": 1}
    if model != "mixer":
        sizes |= {"hidden_dim": 16, "num_heads": 2}
    network, method = build(model, **sizes, **options).eval(), METHODS["grad-cam"]
    with pytest.raises(UserError, match=rf"stage {stage} does not exist.*{existing}"):
        method.compute(network, image, torch.tensor([0]), method.complete({"stage": stage}))


def test_unsuited_and_unknown_methods_are_refused():
    with pytest.raises(UserError, match="'rollout' cannot explain"):
        find_method("rollout", ["stages"])
    with pytest.raises(UserError, match="'lime' is unknown"):
        find_method("lime", ["attention"])


def test_command_prints_the_map_of_the_predicted_class(image):
    found = run("attribute", "vit-cifar10", "--image", "6")
    rows = list(csv.reader(io.StringIO(found.stdout)))
    model = vitcore.load("vit-cifar10")
    classes = model(as_input(image, model)).argmax(dim=1)
    expected = relevance(model, image, classes)[0, 0, 1:].tolist()
    assert f"for {load_dataset('cifar10-mini').classes[classes[0]]}" in found.stderr
    assert rows[0] == ["row", "column", "value"]
    assert np.allclose([float(row[2]) for row in rows[1:]], expected, rtol=1e-4)


def test_command_checks_a_map_of_a_cnn():
    text = run(
        "attribute", "resnet-cifar10", "--class", "dog", "--set", "stage=2", "--check", "--json"
    ).stdout
    found = json.loads(text)
    assert (found["method"], found["class"], found["settings"]) == ("grad-cam", "dog", {"stage": 2})
    assert np.shape(found["map"]) == (16, 16)
    check = found["check"]
    assert check["random weights"] >= 2
    assert check["random orders"] >= 2
    assert set(check["random"]) == {"rank correlation", "deletion", "insertion"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--class", "unicorn"], "unicorn"),
        (["--method", "rollout"], "rollout"),
        (["--image", "99999"], "test images"),
        (["--set", "stage=9"], "stage 9"),
        (["--set", "fusion=max"], "fusion"),
    ],
)
def test_command_refuses_what_does_not_exist(arguments, named):
    check_refused(run("attribute", "resnet-cifar10", *arguments), named)


def test_command_refuses_a_model_without_a_classifier():
    check_refused(run("attribute", "mae-small"), "mae-small has no classifier")
