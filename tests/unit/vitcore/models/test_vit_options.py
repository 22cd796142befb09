"""The options of a ViT that models from elsewhere need: shapes, closed forms, and all analyses with them."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.made_runs import make_run
from vitcore.analysis.ablation import without_each_block, without_each_head
from vitcore.analysis.attention import capture, query_map, rollout
from vitcore.analysis.attribution import token_grad_cam
from vitcore.analysis.block_steps import BATCH, block_steps, exciting_patches, head_norms, head_steps
from vitcore.analysis.heads import mean_distance
from vitcore.analysis.inside import logit_lens, position_similarity
from vitcore.analysis.layers import layer_maps
from vitcore.analysis.relevance import readout_map, relevance
from vitcore.analysis.tokens import read_tokens
from vitcore.architectures.vit import RARE, ViTOptions
from vitcore.config import dump_config, make_config, read_config, setting_of
from vitcore.errors import UserError
from vitcore.models import build, load_run
from vitcore.networks.block import Block, QuickGELU
from vitcore.networks.positions import resampled_positions
from vitcore.networks.vit import ViT

SMALL = {"embed_dim": 32, "hidden_dim": 48, "num_heads": 4, "num_layers": 3, "patch_size": 8}
CASES = {
    "registers": {"registers": 3},
    "registers-mean": {"registers": 9, "pool": "mean"},
    "distilled": {"distilled": True, "registers": 2},
    "patches": {"pool": "patches", "norm_tokens": True},
    "cls-mean": {"pool": "cls_mean", "registers": 4, "cls_position": False},
    "clip": {"embed_norm": True, "patch_bias": False, "activation": "quick_gelu", "projection": 12},
    "no-biases": {"qkv_bias": False, "block_bias": False, "layer_scale": 0.3, "activation": "gelu_tanh"},
    "post": {"norm": "post", "layer_scale": 0.5, "registers": 1, "norm_eps": 1e-6},
    "conv-stem": {"conv_stem": True, "registers": 1},
    "rotary": {"position": "rotary", "registers": 2, "layer_scale": 0.4},
    "representation": {"representation": 20, "position": "sincos", "registers": 2},
}
IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8))


def vit(case: str, **more):
    torch.manual_seed(0)
    return build("vit", **{**SMALL, **CASES[case], **more}).eval()


def test_defaults_of_the_network_are_those_of_the_options():
    given = {**inspect.signature(Block).parameters, **inspect.signature(ViT).parameters}
    defaults = {name: given[name].default for name in ViTOptions.model_fields}
    assert defaults == {name: field.default for name, field in ViTOptions.model_fields.items()}


def test_configuration_holds_a_rare_option_only_where_it_differs(tmp_path):
    plain, special = make_config(), make_config(registers=4)
    assert not RARE & set(plain.options)
    assert special.options == {**plain.options, "registers": 4}
    assert setting_of(plain, "registers") == 0
    (tmp_path / "config.yaml").write_text(dump_config(special))
    assert read_config(tmp_path / "config.yaml") == special


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("classes", [7, 0])
def test_trace_and_forward_agree_and_count_the_tokens_before_the_patches(case, classes):
    model = vit(case, num_classes=classes)
    options = ViTOptions(**{**SMALL, **CASES[case]})
    trace, logits = capture(model, IMAGES), model(normalized(IMAGES))
    assert model.prefix_tokens == options.prefix_tokens
    tokens = 16 + options.prefix_tokens
    assert trace.weights.shape == (2, 3, 4, tokens, tokens)
    assert trace.hidden.shape == (2, 4, tokens, 32)
    assert torch.allclose(trace.logits, logits, atol=1e-5)
    width = options.projection or options.representation or 32 * (1 + (options.pool == "cls_mean"))
    assert logits.shape == (2, classes or width)


def normalized(images):
    from vitcore.data.augment import normalize

    return normalize(images)


@pytest.mark.parametrize("case", CASES)
def test_every_option_is_trained_and_saved(case, tmp_path):
    model = vit(case).train()
    F.cross_entropy(model(normalized(IMAGES), keep=0.5), torch.tensor([1, 2])).backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None]
    run = make_run(tmp_path, case, **SMALL, **CASES[case])
    torch.testing.assert_close(
        load_run(run)(normalized(IMAGES)), load_run(run).trace(normalized(IMAGES)).logits
    )


@pytest.mark.parametrize("case", CASES)
def test_analyses_read_the_patches_of_every_variant(case):
    model = vit(case)
    first, classes, same = model.prefix_tokens, torch.arange(10), IMAGES[:1].expand(10, -1, -1, -1)
    trace = capture(model, IMAGES)
    lens = logit_lens(model, trace)
    torch.testing.assert_close(lens[:, -1], trace.logits)
    assert readout_map(model, relevance(model, same, classes), same).shape == (10, 4, 4)
    assert query_map(rollout(trace.weights), prefix=first).shape == (2, 16 + first, 4, 4)
    assert mean_distance(trace.weights, 8, prefix=first).shape == (2, 3, 4)
    assert token_grad_cam(model, same, classes).shape == (10, 4, 4)
    assert position_similarity(model).shape == (16, 16)
    maps = layer_maps(model, normalized(IMAGES))
    expected = trace.hidden[:, -1, first:].transpose(1, 2).unflatten(2, (4, 4))
    torch.testing.assert_close(list(maps.values())[-1], expected, atol=1e-5, rtol=1e-4)
    assert exciting_patches(model, IMAGES[:BATCH])[0].patches.max() < 16
    base, skipped = without_each_block(model, IMAGES)
    assert torch.equal(base, trace.logits.argmax(dim=1))
    assert torch.equal(without_each_head(model, IMAGES)[0].argmax(dim=1), base)
    assert len(skipped) == 3


@torch.no_grad()
@pytest.mark.parametrize("case", CASES)
def test_steps_of_a_block_and_of_the_head_add_up(case):
    model = vit(case)
    trace = capture(model, IMAGES[:1])
    steps = block_steps(model, IMAGES[:1], 2)
    torch.testing.assert_close(steps.sum_1, steps.input + steps.projected)
    torch.testing.assert_close(steps.sum_2, steps.middle + steps.mlp)
    torch.testing.assert_close(steps.weights, trace.weights[0, 2])
    head = head_steps(model, steps.output)
    torch.testing.assert_close(head.logits, trace.logits[0])
    block, joined = model.blocks[2], steps.joined.unflatten(1, (4, 8))
    scale = 1 if block.layer_scale_1 is None else block.layer_scale_1
    parts = [
        (joined[:, h] @ block.attn.out_proj.weight[:, 8 * h : 8 * h + 8].T * scale).norm(dim=1)
        for h in range(4)
    ]
    torch.testing.assert_close(head_norms(block, steps.joined), torch.stack(parts, dim=1))


@pytest.mark.parametrize(
    "case", [case for case in CASES if not {"embed_norm", "conv_stem"} & set(CASES[case])]
)
def test_tokens_from_the_file_equal_those_of_the_model(case, tmp_path):
    run = make_run(tmp_path, case, **SMALL, **CASES[case])
    tokens, positions = read_tokens(run.best, run.config.options, IMAGES[0].numpy())
    wanted = load_run(run).embed(normalized(IMAGES[:1]))[0]
    np.testing.assert_allclose(tokens + positions, wanted.detach(), atol=1e-5)


def test_last_norm_of_all_tokens_before_pooling_differs_from_that_of_the_mean():
    model = vit("patches")
    x = torch.randn(2, 17, 32)
    norm, linear = model.mlp_head
    torch.testing.assert_close(model.head(x), linear(F.layer_norm(x[:, 1:], (32,)).mean(dim=1)))
    after = vit("patches", norm_tokens=False)
    torch.testing.assert_close(after.head(x), linear(norm(x[:, 1:].mean(dim=1))))
    assert not torch.allclose(model.head(x), after.head(x), atol=1e-3)


def test_heads_of_a_distilled_model_are_averaged_and_its_rows_too():
    model, x = vit("distilled"), torch.randn(2, 20, 32)
    y = F.layer_norm(x, (32,))
    expected = (model.mlp_head[1](y[:, 0]) + model.distillation_head(y[:, 1])) / 2
    torch.testing.assert_close(model.head(x), expected)
    torch.testing.assert_close(model.read_out(x), (x[:, 0] + x[:, 1]) / 2)


def test_registers_have_no_positions():
    model = vit("registers")
    with torch.no_grad():
        model.pos_embedding.add_(100)
        moved = model.embed(torch.zeros(1, 3, 32, 32))[0]
    assert (moved[1:4] == model.register_tokens[0]).all()
    assert (moved[[0, *range(4, 20)]] > 50).all()


def test_quick_gelu_is_near_gelu():
    x = torch.linspace(-4, 4, 81)
    assert 0.005 < (QuickGELU()(x) - F.gelu(x)).abs().max() < 0.03
    assert float(QuickGELU()(torch.tensor(1.0))) == pytest.approx(1 / (1 + np.exp(-1.702)))


@pytest.mark.parametrize(
    ("prefix", "old", "new"), [(0, 7, 4), (1, 14, 16), (1, 4, 4), (2, 14, 24), (1, 37, 16)]
)
def test_interpolated_positions_equal_those_of_timm(prefix, old, new):
    from timm.layers import resample_abs_pos_embed

    positions = torch.randn(1, prefix + old * old, 24)
    wanted = resample_abs_pos_embed(positions, [new, new], num_prefix_tokens=prefix)
    torch.testing.assert_close(resampled_positions(positions, new), wanted, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "options", [{"distilled": True, "pool": "mean"}, {"distilled": True, "projection": 8}, {"registers": 99}]
)
def test_impossible_combinations_are_rejected(options):
    with pytest.raises(UserError, match=next(iter(options))):
        build("vit", **SMALL, **options)
