"""Models that start from the weights of another run: the new head, the backbone, and its features."""

from __future__ import annotations

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from tests.made_runs import make_run
from vitcore.config import make_config
from vitcore.errors import UserError
from vitcore.models import build_for, weights_of
from vitcore.models.start import head_features, head_layers, head_logits, head_names, load_start

VIT = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 2, "patch_size": 8}
SMALL = {
    "vit": VIT,
    "resnet": {"c_hidden": [4, 8], "num_blocks": [1, 1]},
    "preactresnet": {"c_hidden": [4, 8], "num_blocks": [1, 1]},
    "cct": {**VIT, "patch_size": 4},
    "mixer": {"num_layers": 2, "patch_size": 8},
    "densenet": {"num_layers": [2, 2], "growth_rate": 4},
    "googlenet": {},
}
HEADS = {
    "vit": {"mlp_head.1.weight", "mlp_head.1.bias"},
    "resnet": {"output_net.2.weight", "output_net.2.bias"},
    "preactresnet": {"output_net.2.weight", "output_net.2.bias"},
    "cct": {"mlp_head.1.weight", "mlp_head.1.bias"},
    "mixer": {"output_layer.weight", "output_layer.bias"},
    "densenet": {"output_net.4.weight", "output_net.4.bias"},
    "googlenet": {"output_net.2.weight", "output_net.2.bias"},
}
THREE = {"classes": ("a", "b", "c")}


def config_of(model: str, **more):
    return make_config("quick", model=model, **{**SMALL[model], **more}).model_copy(update=THREE)


@pytest.mark.parametrize("model", SMALL)
def test_head_is_replaced_and_the_rest_equals_the_start(model, tmp_path):
    run = make_run(tmp_path, "start", model=model, **SMALL[model])
    stored, config = load_file(run.best), config_of(model)
    assert head_names(config) == HEADS[model]
    torch.manual_seed(5)
    net = build_for(config)
    fresh = {name: value.clone() for name, value in net.state_dict().items()}
    load_start(net, config, run.best)
    for name, value in net.state_dict().items():
        wanted = fresh[name] if name in HEADS[model] else stored[name]
        assert torch.equal(value, wanted), name
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 3)


def test_weights_of_half_precision_become_float32(tmp_path):
    start = build_for(make_config("quick", **VIT))
    save_file(weights_of(start, torch.float16), tmp_path / "half.safetensors")
    net = build_for(config_of("vit"))
    load_start(net, config_of("vit"), tmp_path / "half.safetensors")
    assert net.input_layer.weight.dtype == torch.float32
    assert torch.equal(net.input_layer.weight, start.input_layer.weight.half().float())


@pytest.mark.parametrize(
    ("options", "first"), [({"pool": "cls"}, 1), ({"pool": "mean"}, 0), ({"distilled": True}, 2)]
)
def test_positions_are_interpolated_as_timm_does(options, first, tmp_path):
    run = make_run(tmp_path, "start", data="photos", image_size=32, **VIT, **options)
    config = make_config("quick", data="photos", image_size=56, **VIT, **options).model_copy(update=THREE)
    net = build_for(config)
    load_start(net, config, run.best)
    old = load_file(run.best)["pos_embedding"]
    wanted = timm.layers.resample_abs_pos_embed(old, [7, 7], old_size=[4, 4], num_prefix_tokens=first)
    torch.testing.assert_close(net.pos_embedding.detach(), wanted, atol=1e-6, rtol=0)
    assert torch.equal(net.pos_embedding[:, :first], old[:, :first])


def test_start_without_a_classifier_gets_one(tmp_path):
    run = make_run(tmp_path, "features", **VIT)
    weights = {name: v for name, v in load_file(run.best).items() if not name.startswith("mlp_head.1")}
    save_file(weights, run.best)
    net = build_for(config_of("vit"))
    load_start(net, config_of("vit"), run.best)
    assert torch.equal(net.cls_token, weights["cls_token"])


def test_weights_that_do_not_fit_are_refused(tmp_path):
    run = make_run(tmp_path, "start", **VIT)
    config = config_of("vit", num_layers=3)
    with pytest.raises(UserError, match=r"transformer\.2\."):
        load_start(build_for(config), config, run.best)


def test_weights_that_are_not_finite_or_damaged_are_refused(tmp_path):
    run = make_run(tmp_path, "start", **VIT)
    weights = load_file(run.best)
    weights["cls_token"][0, 0, 0] = float("nan")
    save_file(weights, run.best)
    with pytest.raises(UserError, match="cls_token"):
        load_start(build_for(config_of("vit")), config_of("vit"), run.best)
    run.best.write_bytes(run.best.read_bytes()[:1000])
    with pytest.raises(UserError, match="damaged"):
        load_start(build_for(config_of("vit")), config_of("vit"), run.best)


@pytest.mark.parametrize(
    ("model", "options"),
    [*((name, {}) for name in SMALL), ("vit", {"distilled": True}), ("vit", {"pool": "cls_mean"})],
)
def test_head_on_features_gives_the_logits_of_the_model(model, options):
    config = config_of(model, **options)
    torch.manual_seed(1)
    net = build_for(config).eval()
    heads = head_layers(net, head_names(config))
    images = torch.randn(5, 3, 32, 32)
    features = head_features(net, heads, images)
    assert features is not None
    assert features.shape[:2] == (5, len(heads))
    torch.testing.assert_close(head_logits(heads, features), net(images))
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_model_whose_logits_are_not_those_of_its_heads_has_no_features():
    config = config_of("vit")
    net = build_for(config).eval()
    heads = head_layers(net, head_names(config))
    net.register_forward_hook(lambda module, inputs, output: output.softmax(dim=1))
    assert head_features(net, heads, torch.randn(2, 3, 32, 32)) is None
