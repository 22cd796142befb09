"""The message of the stepper through a convolution: its numbers, its size, and what a link may name."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dashboard.attention import class_maps, convolution, convolution_outputs, panel
from dashboard.components.inside import message
from dashboard.shared import resources, selection
from dashboard.shared.scenes import Pictures
from dashboard.standalone.scene_file import from_address
from dashboard.talk.scenes import scene
from tests.apptests import open_app
from tests.made_runs import make_run
from vitcore.analysis.convolution_steps import convolution_steps
from vitcore.errors import UserError
from vitcore.models import build
from vitcore.runs.folder import find_run

LINK = {"view": "Inside a convolution", "run": "resnet-cifar10"}


def bundled():
    run = find_run("resnet-cifar10")
    data = resources.dataset_of(run)
    return run, selection.find_image(data, "cat", 1), data


def floats_of(view):
    return np.frombuffer(view.floats, "<f4")


def test_message_begins_with_the_results_of_the_model():
    run, chosen, data = bundled()
    header, view, _ = convolution.prepare(run, chosen, data, LINK | {"block": "4"})
    image = torch.from_numpy(chosen.image[None].copy())
    steps = convolution_steps(resources.model(run), image, 4)
    first = steps.convolutions[0]
    expected = [steps.input, first.weight, first.output, first.norm.mean, first.norm.variance]
    numbers = np.concatenate([array.flatten().numpy() for array in expected])
    np.testing.assert_array_equal(floats_of(view)[: len(numbers)], numbers)
    assert (header["block"], header["blocks"], header["pre"], header["projected"]) == (4, 9, False, True)
    sizes = header["convolutions"][0]
    assert (sizes["inputs"], sizes["outputs"], sizes["inputSide"], sizes["side"]) == (16, 32, 32, 16)


def test_message_of_every_block_is_smaller_than_half_a_megabyte():
    run, chosen, data = bundled()
    for block in ("input", *map(str, range(1, 10))):
        header, view, _ = convolution.prepare(run, chosen, data, LINK | {"block": block})
        assert len(message(header, chosen.image, view.floats)) < 500_000


STAGES = {"c_hidden": (4, 6, 8), "num_blocks": (1, 2, 1)}
IMAGENET = {"stem": "7x7", "c_stem": 5, "shortcut": "conv_norm"}


@pytest.mark.parametrize("size", [32, 45])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("preactresnet", STAGES),
        ("resnet", {**STAGES, **IMAGENET}),
        ("resnet", {**STAGES, **IMAGENET, "block": "bottleneck", "expansion": 2}),
    ],
)
def test_sizes_from_the_configuration_are_those_of_the_model(name, options, size, tmp_path):
    config = make_run(tmp_path, "Sizes", model=name, **options).config
    run = SimpleNamespace(config=config.model_copy(update={"image_size": size}))
    model = build(name, image_size=size, **options).eval()
    for block, sizes in enumerate(convolution_outputs.sizes_of(run)):
        steps = convolution_steps(model, torch.zeros(1, 3, size, size), block)
        for one, layer in zip(steps.convolutions, sizes.layers, strict=True):
            assert tuple(one.input.shape) == (layer.inputs, layer.input_side, layer.input_side)
            assert tuple(one.output.shape) == (layer.outputs, layer.side, layer.side)
            assert tuple(one.weight.shape[2:]) == (layer.kernel, layer.kernel)
        projected = block > 0 and model.blocks[block - 1].downsample is not None
        assert sizes.projected == projected


def test_large_block_sends_only_the_kernels_of_the_chosen_channel(monkeypatch):
    run, chosen, data = bundled()
    monkeypatch.setattr(convolution_outputs, "MAX_ALL", 200_000)
    header, view, _ = convolution.prepare(run, chosen, data, LINK | {"block": "9", "channel": "7"})
    assert header["only"] == 6
    steps = convolution_steps(resources.model(run), torch.from_numpy(chosen.image[None].copy()), 9)
    kernel = floats_of(view)[64 * 64 :][: 64 * 9]
    np.testing.assert_array_equal(kernel, steps.convolutions[0].weight[6].flatten().numpy())
    assert len(view.floats) < 60_000
    monkeypatch.setattr(convolution_outputs, "MAX_MAPS", 40_000)
    with pytest.raises(UserError, match=r"fewer channels"):
        convolution.prepare(run, chosen, data, LINK | {"block": "9"})


def test_scene_of_the_view_is_the_stepper():
    assert isinstance(scene("attention", LINK | {"block": "2", "position": "3.4"}), convolution.Convolution)
    assert isinstance(scene("attention", {"run": "resnet-cifar10"}), Pictures)
    assert isinstance(scene("attention", LINK | {"view": "Maps"}), Pictures)


@pytest.mark.parametrize(
    "wrong", ["block=10", "block=0", "convolution=3", "channel=65", "position=33.1", "position=x", "step=9"]
)
def test_links_that_the_stepper_cannot_show_are_refused(wrong):
    name, value = wrong.split("=")
    with pytest.raises(UserError, match=wrong.replace(".", r"\.")):
        scene("attention", LINK | {name: value})


def test_stepper_of_a_vit_is_refused():
    with pytest.raises(UserError, match=r"view=Inside a convolution.*no ResNet"):
        scene("attention", {"view": "Inside a convolution", "run": "vit-cifar10"})


def test_file_of_a_view_holds_the_stepper():
    text = from_address(LINK | {"block": "1", "convolution": "2"})
    assert 'data-part="convolution"' in text
    assert len(text) < 1_500_000


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ({"run": "resnet-cifar10"}, class_maps.QUESTION),
        (LINK, panel.QUESTIONS["Inside a convolution"]),
        ({"run": "resnet-cifar10", "view": "Inside a block"}, panel.QUESTIONS["Inside a convolution"]),
        ({"run": "vit-cifar10", "view": "Inside a convolution"}, panel.QUESTIONS["Inside a block"]),
    ],
)
def test_page_shows_the_stepper_of_the_model(query, title):
    app = open_app("attention", **query)
    assert app.title[0].value == title
    assert not app.exception


BOTH = {"view": "Inside a block", "run": "vit-cifar10", "beside": "resnet-cifar10", "both": "true"}


def test_link_shows_a_block_with_a_convolution_at_a_step_of_its_own():
    shown = scene("attention", BOTH | {"step": "9", "convolution_step": "6"})
    assert (shown.run.id, shown.other.id) == ("vit-cifar10", "resnet-cifar10")
    assert scene("attention", BOTH | {"both": "false"}).other is None
    with pytest.raises(UserError, match="convolution_step=9"):
        scene("attention", BOTH | {"convolution_step": "9"})


def test_file_of_a_block_with_a_convolution_has_both():
    text = from_address(BOTH)
    assert text.count('data-part="block"') == text.count('data-part="convolution"') == 1
    assert "data-part" in from_address(BOTH | {"both": "false"})
    assert 'data-part="convolution"' not in from_address(BOTH | {"both": "false"})
