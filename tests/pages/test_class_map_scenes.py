"""Class maps in a talk."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

import vitcore
from dashboard.drawing.pictures import MAGENTA
from dashboard.talk import scenes
from tests.apptests import open_app
from vitcore.analysis.attention import as_input
from vitcore.analysis.attribution import grad_cam
from vitcore.attribution.checks import with_random_weights
from vitcore.runs.folder import find_run


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


def test_map_of_random_weights_has_the_color_scale_of_the_last_stage_and_each_stage_its_own():
    app = open_app("attention", run="resnet-cifar10", check="true", **{"class": "deer", "image": "2"})
    encoded = re.findall(r"base64,([^)]*)\)\n", "\n".join(one.value for one in app.markdown))
    decoded = [Image.open(io.BytesIO(base64.b64decode(text))) for text in encoded]
    image, *shown = [np.asarray(one.convert("RGB"), float) for one in decoded if one.size == (32, 32)]
    pixels = torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.uint8))
    net = vitcore.load("resnet-cifar10")
    with torch.inference_mode():
        target = torch.tensor([int(net(as_input(pixels, net)).argmax())])
    random = with_random_weights(find_run("resnet-cifar10").config, 0)
    maps = [grad_cam(net, pixels, target, stage)[0] for stage in range(3)]
    maps.append(grad_cam(random, pixels, target, 2)[0])
    assert len(shown) == len(maps)
    steps = []
    for picture, values in zip(shown, maps, strict=True):
        even = (values / values.mean()).numpy().repeat(32 // len(values), 0).repeat(32 // len(values), 1)
        toward = MAGENTA - image
        tint = ((picture - image) * toward).sum(-1) / (toward**2).sum(-1)
        inside = (tint < 0.95 * tint.max()) & (even > 0.2)  # not cut at the end of the scale
        steps.append(np.median(tint[inside] / even[inside]))
    percentiles = (98, 100, 100)  # the first stage has a value for each pixel
    ends = [np.percentile(m / m.mean(), p) for m, p in zip(maps, percentiles, strict=False)]
    ends.append(ends[2])  # the checks are about the last stage
    assert np.multiply(steps, ends) == pytest.approx([steps[0] * ends[0]] * 4, rel=0.05)
    assert max(ends) > 1.5 * min(ends)
