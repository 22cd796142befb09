"""Modules in memory become our networks, which give the same outputs and attention maps."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from torch import nn

import vitcore
from tests.foreign_models import TIMM, TORCHVISION, TRANSFORMERS, randomized
from vitcore.analysis.attention import capture
from vitcore.errors import UserError
from vitcore.exchange.modules import convert, evaluating
from vitcore.models import build
from vitcore.networks.vit import ViT

MODULES = {
    **TIMM,
    **{f"transformers {k}": v for k, v in TRANSFORMERS.items()},
    "torchvision": TORCHVISION["ViT"],
}


@pytest.mark.parametrize("name", MODULES)
def test_converted_module_has_the_outputs_and_the_maps_of_its_library(name):
    case = MODULES[name]()
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        logits, maps = case.outputs(images)
    trace = capture(convert(case.model).network, images)
    assert torch.allclose(trace.logits, logits, atol=1e-4)
    assert torch.allclose(trace.weights, maps, atol=1e-5)


def test_heads_epsilon_and_activation_come_from_the_module():
    """Only the module says them: usual for this width are one head, 1e-6 and the exact GELU."""
    from timm.models.vision_transformer import VisionTransformer

    odd = dict(norm_layer=partial(nn.LayerNorm, eps=1e-3), act_layer=partial(nn.GELU, approximate="tanh"))
    model = randomized(
        VisionTransformer(img_size=32, patch_size=8, embed_dim=48, depth=2, num_heads=3, num_classes=5, **odd)
    )
    options = convert(model).config.options
    assert (options["num_heads"], options["norm_eps"], options["activation"]) == (3, 1e-3, "gelu_tanh")


def test_configuration_has_the_normalization_and_the_classes_of_the_module():
    found = convert(TIMM["CLIP"]().model)
    assert found.pixels_known
    assert found.config.preprocessing.mean == pytest.approx((0.48145466, 0.4578275, 0.40821073))
    named = TRANSFORMERS["ViT"]().model
    named.config.id2label = {i: f"bird {i}" for i in range(7)}
    found = convert(named)
    assert not found.pixels_known
    assert found.config.classes == tuple(f"bird {i}" for i in range(7))


def test_own_networks_keep_their_options():
    for model in (
        build("vit", num_classes=3, embed_dim=32, hidden_dim=48, num_heads=4, num_layers=2, pool="mean"),
        build("resnet", num_classes=3, c_hidden=[8, 16], num_blocks=[1, 1]),
    ):
        found = convert(model)
        images = torch.randn(2, 3, 32, 32)
        with evaluating(model), torch.no_grad():
            assert torch.allclose(found.network(images), model(images), atol=1e-5)
        assert found.config.num_classes == 3


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"norm": "post"},
        {"pool": "mean", "position": "sincos"},
        {"pool": "patches", "registers": 2},
        {"position": "rotary", "registers": 2},
        {"position": "none", "activation": "quick_gelu", "norm_eps": 1e-3, "layer_scale": 0.1},
    ],
)
def test_vit_that_was_made_directly_is_described(options):
    model = randomized(ViT(embed_dim=32, hidden_dim=48, num_heads=2, num_layers=2, image_size=16, **options))
    found, images = convert(model), torch.randn(2, 3, 16, 16)
    assert torch.allclose(capture(found.network, images).weights, capture(model, images).weights, atol=1e-6)


def test_refresh_copies_the_current_weights():
    case = TRANSFORMERS["DINOv2"]()
    found, images = convert(case.model), torch.randn(1, 3, 32, 32)
    randomized(case.model, seed=1)
    with torch.no_grad():
        before, wanted = found.network(images), case.outputs(images)[0]
        assert not torch.allclose(before, wanted, atol=1e-2)
        assert torch.allclose(found.refresh()(images), wanted, atol=1e-4)


def test_conversion_changes_neither_the_module_nor_the_random_state():
    model = TIMM["ViT"]().model
    model.train()
    model.blocks[0].eval()
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    convert(model)
    assert torch.equal(torch.get_rng_state(), random)
    assert model.training
    assert not model.blocks[0].training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_module_that_computes_something_else_is_refused():
    model = TIMM["ViT"]().model
    model.blocks[1].forward = lambda x, **_: x  # its names and shapes are unchanged
    with pytest.raises(UserError, match="outputs differ"):
        convert(model)


def test_unknown_module_is_refused_by_name():
    with pytest.raises(UserError, match="Sequential"):
        convert(nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)))


def test_wrapped_module_is_converted():
    case = TIMM["DeiT"]()
    assert convert(nn.DataParallel(case.model)).source is case.model


def test_loaded_run_carries_its_normalization():
    assert convert(vitcore.load("vit-cifar10")).pixels_known
