"""Learning rates by layer, and the optimizers of fine-tunings."""

from __future__ import annotations

import pytest
import torch

from vitcore.architectures import ARCHITECTURES
from vitcore.config import make_config
from vitcore.errors import UserError
from vitcore.models import build_for
from vitcore.models.start import freeze, head_names
from vitcore.training.optim import make_optimizer, rate_scales

VIT = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 3, "patch_size": 8}
RESNET = {"c_hidden": [4, 8], "num_blocks": [2, 1]}
SMALL = {"vit": VIT, "resnet": RESNET, "preactresnet": RESNET, "mixer": {"num_layers": 2, "patch_size": 8}}
D = 0.5


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            "vit",  # depth 3: the embedding has 0.5^4, block l has 0.5^(4 - l), norm and head have 1
            {
                "input_layer.weight": D**4,
                "cls_token": D**4,
                "pos_embedding": D**4,
                "transformer.0.attn.in_proj_weight": D**3,
                "transformer.1.linear.0.bias": D**2,
                "transformer.2.layer_norm_2.weight": D,
                "mlp_head.0.weight": 1.0,
                "mlp_head.1.weight": 1.0,
            },
        ),
        (
            "resnet",  # two stages: the first convolution has 0.5^3
            {
                "input_net.0.weight": D**3,
                "blocks.0.net.0.weight": D**2,
                "blocks.1.net.4.bias": D**2,
                "blocks.2.net.0.weight": D,
                "blocks.2.downsample.bias": D,
                "output_net.2.weight": 1.0,
            },
        ),
        (
            "mixer",
            {
                "input_layer.weight": D**3,
                "blocks.0.": D**2,
                "blocks.1.": D,
                "layer_norm.weight": 1.0,
                "output_layer.bias": 1.0,
            },
        ),
    ],
)
def test_rates_decay_by_layer_as_calculated_by_hand(model, expected):
    config = make_config("quick", model=model, layer_decay=D, **SMALL[model])
    names = [name for name, _ in build_for(config).named_parameters()]
    scales = rate_scales(config, names)
    for name, scale in expected.items():
        matching = [n for n in names if n == name or (name.endswith(".") and n.startswith(name))]
        assert matching, name
        assert {scales[n] for n in matching} == {scale}, name


def test_tenth_block_is_not_taken_for_the_first():
    config = make_config("quick", layer_decay=D, **{**VIT, "num_layers": 11})
    scales = rate_scales(config, ["transformer.1.layer_norm_1.weight", "transformer.10.layer_norm_1.weight"])
    assert list(scales.values()) == [D**10, D]


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_first_step_moves_each_layer_by_its_own_rate(optimizer):
    """The same step without decay is the reference. Weight decay is off, since it scales the weights, too."""
    settings = {"optimizer": optimizer, "lr": 1e-2, "weight_decay": 0.0, "momentum": 0.0, **VIT}
    usual = make_config("quick", **settings)
    decayed = make_config("quick", **settings, layer_decay=D, head_lr=4.0)
    moved = []
    for config in (usual, decayed):
        torch.manual_seed(0)
        model = build_for(config).double() if optimizer == "sgd" else build_for(config)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        generator = torch.Generator().manual_seed(1)
        for p in model.parameters():
            p.grad = torch.randn(p.shape, generator=generator).to(p)
        make_optimizer(model, config).step()
        moved.append({name: p.detach() - before[name] for name, p in model.named_parameters()})
    for name, whole in moved[0].items():
        layer = int(name.split(".")[1]) + 1 if name.startswith("transformer.") else 0
        factor = D ** (4 - layer)
        if name.startswith("mlp_head."):
            factor = 4.0 if name.startswith("mlp_head.1.") else 1.0
        torch.testing.assert_close(moved[1][name], factor * whole, rtol=2e-3, atol=2e-6)


def test_groups_of_other_trainings_stay_as_they_were():
    """Checkpoints hold one entry for each group, so that earlier runs can still be resumed."""
    config = make_config("quick", model="resnet", **RESNET)
    groups = make_optimizer(build_for(config), config).param_groups
    assert [group["weight_decay"] for group in groups] == [config.weight_decay, 0.0]
    assert not any("lr_scale" in group for group in groups)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_optimizer_of_a_frozen_backbone_has_only_the_head(optimizer):
    config = make_config("quick", optimizer=optimizer, freeze=True, head_lr=3.0, **VIT)
    model = build_for(config)
    freeze(model, head_names(config))
    groups = make_optimizer(model, config).param_groups
    head = [model.mlp_head[1].weight, model.mlp_head[1].bias]
    assert {id(p) for group in groups for p in group["params"]} == {id(p) for p in head}
    assert {group["lr"] for group in groups if group["params"]} == {3.0 * config.lr}


@pytest.mark.parametrize("model", ["densenet", "googlenet"])
def test_layer_decay_of_a_model_without_known_layers_is_refused(model):
    assert ARCHITECTURES[model].layers is None
    with pytest.raises(UserError, match=r"layer_decay.*vit.*resnet"):
        make_config("quick", model=model, layer_decay=0.75)
    assert make_config("quick", model=model, layer_decay=1.0).layer_decay == 1.0
