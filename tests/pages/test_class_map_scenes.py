"""Class maps in a talk."""

from __future__ import annotations

import re

import pytest

from dashboard.talk import scenes
from tests.apptests import open_app


@pytest.mark.slow
def test_class_maps_of_a_talk_have_the_methods_and_the_checks_of_the_link():
    link = {"view": "Class maps", "class": "deer", "run": "vit-cifar10", "beside": "resnet-cifar10"}
    image, vit, resnet = scenes.scene("attention", link).parts
    assert "deer" in image[2]
    assert ("Class relevance" in vit[0], "Grad-CAM, stage 3 of 3" in resnet[0]) == (True, True)
    chosen = {"method": "rollout", "set_fusion": "max", "beside_method": "occlusion", "check": "true"}
    _, rollout, random, occlusion, _ = scenes.scene("attention", link | chosen).parts
    assert ("rollout" in rollout[0], "Occlusion" in occlusion[0]) == (True, True)
    assert float(random[2].split()[2]) <= 1
    assert "±" in random[2]
    (_, other, *_) = scenes.scene("attention", link | chosen | {"set_fusion": "min"}).parts
    assert len({vit[1], rollout[1], random[1], other[1]}) == 4


@pytest.mark.parametrize(
    "link",
    [
        {"method": "integrated-gradients", "set_steps": "16"},  # a map of single pixels
        {"minus": "cat"},
        {"run": "resnet-cifar10", "method": "occlusion"},
    ],
)
def test_talk_and_page_draw_the_same_maps_in_the_same_color_scale(link):
    link = {"view": "Class maps", "class": "deer", "run": "vit-cifar10"} | link
    scene = scenes.scene("attention", link)
    shown = [markdown.value for markdown in open_app("attention", **link).markdown]
    shown = [text for text in shown if "Color scale" in text]
    for (_, picture, _), text in zip(scene.parts[1:], shown, strict=True):
        assert picture in text
        low, bar, high = scene.legend
        assert re.sub(r"\\(.)", r"\1", text).endswith(f"\n{low} ![Color scale]({bar}) {high}")
