"""Integrated gradients, occlusion and Grad-CAM against captum, which gets the same model, image and class.

Values are compared as they are: neither side is scaled or normalized. Captum attributes a logit to each
color of a pixel, so that its integrated gradients are summed over the colors here.
"""

from __future__ import annotations

import copy

import pytest
import torch
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion
from torch import nn

import vitcore
from vitcore.analysis.attention import as_input
from vitcore.attribution import METHODS
from vitcore.data import load_dataset
from vitcore.models import build

VARIANTS = [{"norm": norm, "pool": pool} for norm in ("pre", "post") for pool in ("cls", "mean")]
CLASSES = torch.tensor([3, 8])
MODELS = ["small ViT", "resnet-cifar10"]


@pytest.fixture(scope="module")
def image():
    return torch.from_numpy(load_dataset("cifar10-mini").test.images[5:6])


def small_vit(**options):
    torch.manual_seed(3)
    sizes = {"embed_dim": 16, "hidden_dim": 32, "num_heads": 4, "num_layers": 3, "patch_size": 8}
    return build("vit", **sizes, **options).eval()


def named(name):
    return small_vit() if name == "small ViT" else vitcore.load(name)


def ours(name, model, image, **settings):
    method = METHODS[name]
    return method.compute(model, image, CLASSES, method.complete(settings))


def assert_close(found, expected):
    expected = expected.detach()
    assert expected.abs().max() > 0
    assert torch.allclose(found, expected, atol=1e-4 * float(expected.abs().max()), rtol=1e-4)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("steps", [16, 64])
def test_integrated_gradients_equal_those_of_captum(image, name, steps):
    """Both use the baseline 0 after normalization and the Gauss-Legendre rule with as many nodes."""
    model = named(name)
    x = as_input(image, model)
    reference = IntegratedGradients(model)
    expected = [
        reference.attribute(x, 0, int(target), n_steps=steps, method="gausslegendre")[0].sum(dim=0)
        for target in CLASSES
    ]
    assert_close(ours("integrated-gradients", model, image, steps=steps), torch.stack(expected).float())


def occlusion_of_captum(model, x, windows):
    stride = x.shape[-1] // windows // 2
    maps = [
        Occlusion(model).attribute(
            x, (3, 2 * stride, 2 * stride), (3, stride, stride), 0, int(target), perturbations_per_eval=32
        )[0]
        for target in CLASSES
    ]
    return torch.stack(maps)[:, 0]  # a window hides all colors, which therefore have the same map


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("windows", [4, 8])
def test_occlusion_equals_that_of_captum(image, name, windows):
    """Both hide the same windows with 0, and average the falls of the logit over those that cover a pixel."""
    model = named(name)
    expected = occlusion_of_captum(model, as_input(image, model), windows)
    assert_close(ours("occlusion", model, image, windows=windows), expected)


def test_occlusion_equals_that_of_captum_before_a_last_window_that_does_not_fit():
    """Windows of 6 pixels every 3 pixels leave the last of 28 pixels uncovered.

    For it, ours adds a window at 22. Captum adds one at 24, which the edge cuts. So only the pixels before
    22 are compared.
    """
    model = build("resnet", image_size=28, c_hidden=[4, 8], num_blocks=[1, 1]).eval()
    x = torch.randn(1, 3, 28, 28, generator=torch.Generator().manual_seed(2))
    found, expected = ours("occlusion", model, x, windows=4), occlusion_of_captum(model, x, 4)
    assert_close(found[:, :22, :22], expected[:, :22, :22])


def grad_cam_of_captum(model, layer, image):
    x = as_input(image, model)
    reference = LayerGradCam(model, layer)
    return torch.cat([reference.attribute(x, int(c), relu_attributions=True)[:, 0] for c in CLASSES])


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_grad_cam_of_each_stage_of_a_resnet_equals_that_of_captum(image, stage):
    """Captum reads the output of the last block of the stage."""
    model = vitcore.load("resnet-cifar10")
    last = model.blocks[sum(model.num_blocks[:stage]) - 1]
    assert_close(ours("grad-cam", model, image, stage=stage), grad_cam_of_captum(model, last, image))


@pytest.mark.parametrize("name", ["vit", "cct"])
def test_grad_cam_of_the_stem_equals_that_of_captum_at_its_last_layer(image, name):
    """The last layer is a 1x1 convolution in a ViT's stem, and a max pooling in a CCT."""
    torch.manual_seed(3)
    sizes = {"embed_dim": 16, "hidden_dim": 32, "num_heads": 4, "num_layers": 3, "patch_size": 4}
    model = build(name, **sizes, **({"conv_stem": True} if name == "vit" else {})).eval()
    found = ours("grad-cam", model, image, stage=1)
    assert found.shape == (2, 8, 8)
    assert_close(found, grad_cam_of_captum(model, model.input_layer[-1], image))


class Reshaped(nn.Module):
    """A layer of tokens whose patches also pass through `maps` as feature maps, which captum can explain."""

    def __init__(self, layer, prefix, side):
        super().__init__()
        self.layer, self.prefix, self.side, self.maps = layer, prefix, side, nn.Identity()

    def forward(self, x, **options):
        tokens = self.layer(x, **options)
        patches = tokens[:, self.prefix :].transpose(1, 2).unflatten(2, (self.side, self.side))
        patches = self.maps(patches).flatten(2).transpose(1, 2)
        return torch.cat([tokens[:, : self.prefix], patches], dim=1)


@pytest.mark.parametrize("variant", ["vit-cifar10", *VARIANTS], ids=str)
def test_grad_cam_of_the_tokens_of_a_vit_equals_that_of_captum(image, variant):
    """Captum reads the first norm of the last block, or with post-norm the block before it.

    Captum averages over all but the first two dimensions, so that tokens must become feature maps before it.
    """
    model = named(variant) if isinstance(variant, str) else small_vit(**variant)
    changed = copy.deepcopy(model)
    if model.blocks[-1].norm == "post":
        layer = changed.transformer[-2] = Reshaped(changed.transformer[-2], model.prefix_tokens, model.grid)
    else:
        last = changed.transformer[-1]
        layer = last.layer_norm_1 = Reshaped(last.layer_norm_1, model.prefix_tokens, model.grid)
    assert torch.allclose(changed(as_input(image, model)), model(as_input(image, model)), atol=1e-5)
    assert_close(ours("grad-cam", model, image), grad_cam_of_captum(changed, layer.maps, image))
