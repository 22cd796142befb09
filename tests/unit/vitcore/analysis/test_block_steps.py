"""The steps of a block against hooks on torch modules, torch's own attention, and sums written out."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import vitcore
from vitcore.analysis.attention import as_input
from vitcore.analysis.block_steps import (
    BlockSteps,
    block_steps,
    classifier,
    exciting_patches,
    head_norms,
    head_steps,
    token_norms,
    unit_norms,
)
from vitcore.errors import UserError
from vitcore.models import build
from vitcore.networks.vit import Block, ViT

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def fresh(**more):
    torch.manual_seed(0)
    sizes = {"embed_dim": 24, "hidden_dim": 40, "num_heads": 3, "num_layers": 3, "patch_size": 8}
    model = build("vit", **{**sizes, **more}).eval()
    for name, parameter in model.named_parameters():
        if "norm" in name or "bias" in name:  # otherwise ones and zeros, which hide mistakes
            torch.nn.init.normal_(parameter, mean=0.5, std=0.5)
    return model


def pictures(count=1):
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8))


def bundled():
    return vitcore.load("vit-cifar10")


def post_norm_mean():
    return fresh(norm="post", pool="mean")


MODELS = pytest.mark.parametrize("make", [bundled, post_norm_mean, fresh], ids=lambda make: make.__name__)


def hooked(model, block, image):
    """What forward hooks see on the torch modules of a block: the input and the output of each."""
    seen = {}

    def hook(name):
        return lambda _, args, output: seen.update({name: (args[0][0], output[0])})

    parts = ["layer_norm_1", "attn.out_proj", "layer_norm_2", "linear.0", "linear.1", "linear.3"]
    handles = [block.get_submodule(name).register_forward_hook(hook(name)) for name in parts]
    handles.append(block.register_forward_hook(hook("block")))
    with torch.inference_mode():
        model.trace(as_input(image, model))
    for handle in handles:
        handle.remove()
    return seen


@MODELS
def test_every_step_equals_what_hooks_on_the_modules_see(make):
    model, image = make(), pictures()
    for layer, block in enumerate(model.blocks):
        steps, seen = block_steps(model, image, layer), hooked(model, block, image)
        norm_1, norm_2 = seen["layer_norm_1"], seen["layer_norm_2"]
        expected = {
            "input": seen["block"][0],
            "attention_input": norm_1[1] if block.norm == "pre" else seen["block"][0],
            "joined": seen["attn.out_proj"][0],
            "projected": seen["attn.out_proj"][1],
            "sum_1": norm_2[0] if block.norm == "pre" else norm_1[0],
            "middle": norm_2[0] if block.norm == "pre" else norm_1[1],
            "mlp_input": norm_2[1] if block.norm == "pre" else norm_1[1],
            "hidden": seen["linear.1"][0],
            "active": seen["linear.1"][1],
            "mlp": seen["linear.3"][1],
            "sum_2": seen["block"][1] if block.norm == "pre" else norm_2[0],
            "output": seen["block"][1],
        }
        for name, value in expected.items():
            torch.testing.assert_close(getattr(steps, name), value, **CLOSE, msg=f"{name}, layer {layer}")
        torch.testing.assert_close(seen["linear.0"][0], steps.mlp_input, **CLOSE)


@MODELS
def test_attention_equals_that_of_torch(make):
    model, image = make(), pictures()
    for layer, block in enumerate(model.blocks):
        steps = block_steps(model, image, layer)
        heads, dim = block.attn.heads, steps.input.shape[1]
        reference = torch.nn.MultiheadAttention(dim, heads, batch_first=True).eval()
        reference.load_state_dict(block.attn.state_dict())
        x = steps.attention_input[None]
        with torch.inference_mode():
            output, weights = reference(x, x, x, average_attn_weights=False)
            qkv = F.linear(x[0], reference.in_proj_weight, reference.in_proj_bias)
        torch.testing.assert_close(steps.weights, weights[0], **CLOSE)
        torch.testing.assert_close(steps.projected, output[0], **CLOSE)
        size = dim // heads
        for h in range(heads):
            q, k, v = (qkv[:, part * dim + h * size :][:, :size] for part in range(3))
            for name, value in (("q", q), ("k", k), ("v", v), ("scores", q @ k.T / size**0.5)):
                torch.testing.assert_close(getattr(steps, name)[h], value, **CLOSE)
            torch.testing.assert_close(steps.mixed[h], weights[0, h] @ v, **CLOSE)
            torch.testing.assert_close(steps.joined[:, h * size : (h + 1) * size], steps.mixed[h])


@MODELS
def test_blocks_chain_and_the_head_gives_the_logits_of_the_model(make):
    model, image = make(), pictures()
    with torch.inference_mode():
        tokens, logits = model.embed(as_input(image, model))[0], model(as_input(image, model))[0]
    for layer in range(len(model.blocks)):
        steps = block_steps(model, image, layer)
        torch.testing.assert_close(steps.input, tokens, **CLOSE)
        tokens = steps.output
    found = head_steps(model, tokens)
    torch.testing.assert_close(found.logits, logits, **CLOSE)
    read = tokens[0] if model.has_cls else tokens.mean(dim=0)
    torch.testing.assert_close(found.pooled, read, **CLOSE)
    norm = model.mlp_head[0]
    expected = (read - read.mean()) / (read.var(unbiased=False) + norm.eps).sqrt() * norm.weight + norm.bias
    torch.testing.assert_close(found.normalized, expected, **CLOSE)


@pytest.mark.parametrize(
    "options", [{}, {"distilled": True}, {"representation": 20}, {"projection": 6}, {"pool": "cls_mean"}]
)
def test_logits_are_the_classifier_of_the_features(options):
    torch.manual_seed(3)
    sizes = {"embed_dim": 16, "hidden_dim": 24, "num_heads": 2, "num_layers": 1, "patch_size": 16}
    model = ViT(**sizes, **options).eval()
    found = head_steps(model, torch.randn(4 + model.prefix_tokens, 16))
    with torch.inference_mode():
        weight, bias = classifier(model)
        logits = weight @ found.features + bias
    torch.testing.assert_close(logits, found.logits, **CLOSE)


def test_a_unit_adds_its_column_times_layer_scale():
    torch.manual_seed(4)
    block = Block(16, 24, 2, "pre", 0.0, 0.0, layer_scale=0.5).eval()
    with torch.inference_mode():
        block.layer_scale_2.copy_(torch.rand(16))
        record = {}
        block.feed_forward(torch.randn(3, 16), record=record)
        without = record["active"].clone()
        without[0, 7] += 1
        _, _, _, narrow, _ = block.linear
        added = (narrow(without) - narrow(record["active"]))[0] * block.layer_scale_2
    torch.testing.assert_close(unit_norms(block)[7], added.norm(), **CLOSE)


def test_all_steps_are_float32_and_the_model_keeps_no_hooks():
    model = fresh()
    steps = block_steps(model, pictures(), 1)
    assert {getattr(steps, field.name).dtype for field in fields(BlockSteps)} == {torch.float32}
    assert not any(module._forward_hooks for module in model.modules())


def test_missing_block_and_training_mode_are_refused():
    with pytest.raises(UserError, match="no block 4"):
        block_steps(fresh(), pictures(), 3)
    with pytest.raises(RuntimeError, match="eval"):
        block_steps(fresh().train(), pictures(), 0)


def test_parts_of_the_heads_sum_to_the_projection():
    model = fresh()
    block, steps = model.blocks[1], block_steps(model, pictures(), 1)
    norms = head_norms(block, steps.joined)
    weight, bias = block.attn.out_proj.weight.detach(), block.attn.out_proj.bias.detach()
    parts = [steps.mixed[h] @ weight[:, 8 * h : 8 * h + 8].T for h in range(3)]
    torch.testing.assert_close(sum(parts) + bias, steps.projected, **CLOSE)
    for h in range(3):
        torch.testing.assert_close(norms[:, h], parts[h].norm(dim=1), **CLOSE)


@pytest.mark.parametrize(
    ("options", "at_once"), [({}, 64), ({"norm": "post", "pool": "mean"}, 5), ({"layer_scale": 0.5}, 64)]
)
def test_a_token_adds_what_the_output_of_attention_lacks_without_its_values(options, at_once, monkeypatch):
    monkeypatch.setattr("vitcore.analysis.block_steps.TOKENS", at_once)
    model = fresh(**options)
    block, steps = model.blocks[1], block_steps(model, pictures(), 1)
    with torch.inference_mode():
        if block.layer_scale_1 is not None:
            block.layer_scale_1.copy_(torch.rand(24))
        scale = 1 if block.layer_scale_1 is None else block.layer_scale_1
        whole = block.attn.out_proj(steps.joined) * scale
        expected = []
        for token in range(len(whole)):
            values = steps.v.clone()
            values[:, token] = 0  # all heads still attend to it
            joined = (steps.weights @ values).transpose(0, 1).flatten(1)
            expected.append((whole - block.attn.out_proj(joined) * scale).norm(dim=1))
    found = token_norms(block, steps)
    torch.testing.assert_close(found, torch.stack(expected, dim=1), **CLOSE)
    torch.testing.assert_close(token_norms(block, steps, slice(3, 4)), found[3:4], **CLOSE)


@pytest.mark.parametrize("pool", ["cls", "mean"])
def test_exciting_patches_are_those_of_an_exhaustive_search(pool):
    model, images = fresh(pool=pool), pictures(13)
    found = exciting_patches(model, images, count=3)
    assert len(found) == len(model.blocks)
    for layer, units in enumerate(found):
        active = torch.stack([block_steps(model, images[i : i + 1], layer).active for i in range(13)])
        active = active[:, int(pool == "cls") :]  # CLS has no pixels
        for unit in (0, 7, 39):
            by_image = sorted(
                ((float(active[i, :, unit].max()), i, int(active[i, :, unit].argmax())) for i in range(13)),
                reverse=True,
            )[:3]
            assert units.values[unit].tolist() == pytest.approx([value for value, _, _ in by_image], abs=1e-5)
            assert units.images[unit].tolist() == [image for _, image, _ in by_image]
            assert units.patches[unit].tolist() == [patch for _, _, patch in by_image]
