"""Models: published counts and names, torch's own attention, options, exact invariances."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vitcore.errors import UserError
from vitcore.models import build
from vitcore.networks.dropout import Dropout, DropPath
from vitcore.networks.positions import sincos_positions
from vitcore.networks.vit import to_patches

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
SMALL = {"embed_dim": 32, "hidden_dim": 48, "num_heads": 4, "num_layers": 3, "patch_size": 8}


def test_vit_parameter_names_are_the_published_ones():
    names = set(build("vit").state_dict())
    parts = ("layer_norm_1", "attn.out_proj", "layer_norm_2", "linear.0", "linear.3")
    block = {f"{part}.{kind}" for part in parts for kind in ("weight", "bias")}
    block |= {"attn.in_proj_weight", "attn.in_proj_bias"}
    outer = {
        f"{part}.{kind}"
        for part in ("input_layer", "mlp_head.0", "mlp_head.1")
        for kind in ("weight", "bias")
    }
    outer |= {"cls_token", "pos_embedding"}
    assert names == outer | {f"transformer.{i}.{name}" for i in range(6) for name in block}


def test_patches_are_row_major_with_the_channel_slowest():
    image = torch.arange(3 * 8 * 8).view(1, 3, 8, 8)
    patches = to_patches(image, 4)
    assert patches.shape == (1, 4, 48)
    for i, (row, column) in enumerate([(0, 0), (0, 4), (4, 0), (4, 4)]):
        assert torch.equal(patches[0, i], image[0, :, row : row + 4, column : column + 4].flatten())
    unfolded = F.unfold(image.float(), 4, stride=4).transpose(1, 2)  # torch's own
    assert torch.equal(patches.float(), unfolded)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("pool", ["cls", "mean"])
@pytest.mark.parametrize("position", ["learned", "sincos", "rotary", "none"])
def test_trace_and_forward_agree(norm, pool, position):
    model = build("vit", **SMALL, norm=norm, pool=pool, position=position).eval()
    with torch.no_grad():
        logits, trace = model(IMAGES), model.trace(IMAGES)
    tokens = 16 + (pool == "cls")
    assert trace.weights.shape == (2, 3, 4, tokens, tokens)
    assert trace.hidden.shape == (2, 4, tokens, 32)
    assert torch.allclose(trace.weights.sum(dim=-1), torch.ones(2, 3, 4, tokens), atol=1e-5)
    assert torch.allclose(logits, trace.logits, atol=1e-5)
    assert torch.allclose(model.head(trace.hidden[:, -1]), logits, atol=1e-5)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_weights_and_logits_equal_torch_multihead_attention(norm):
    """A second implementation of the model with torch.nn.MultiheadAttention."""
    model = build("vit", **SMALL, norm=norm).eval()
    with torch.no_grad():
        trace = model.trace(IMAGES)
        x = (
            F.unfold(IMAGES, 8, stride=8).transpose(1, 2) @ model.input_layer.weight.T
            + model.input_layer.bias
        )
        x = torch.cat([model.cls_token.repeat(2, 1, 1), x], dim=1) + model.pos_embedding
        for layer, block in enumerate(model.transformer):
            reference = nn.MultiheadAttention(32, 4, batch_first=True)
            reference.load_state_dict(block.attn.state_dict())
            y = block.layer_norm_1(x) if norm == "pre" else x
            y, weights = reference(y, y, y, need_weights=True, average_attn_weights=False)
            assert torch.allclose(weights, trace.weights[:, layer], atol=1e-5)
            if norm == "pre":
                x = x + y
                x = x + block.linear(block.layer_norm_2(x))
            else:
                x = block.layer_norm_1(x + y)
                x = block.layer_norm_2(x + block.linear(x))
            assert torch.allclose(x, trace.hidden[:, layer + 1], atol=1e-4)
        assert torch.allclose(model.mlp_head(x[:, 0]), model(IMAGES), atol=1e-4)


def test_trace_rejects_training_mode():
    with pytest.raises(RuntimeError, match="eval"):
        build("vit", **SMALL).train().trace(IMAGES)


def test_vit_without_positions_is_invariant_to_shuffled_patches():
    model = build("vit", **SMALL, pool="mean", position="none").eval()
    cells = to_patches(IMAGES, 8)[:, torch.randperm(16)]
    shuffled = F.fold(cells.transpose(1, 2), 32, 8, stride=8)
    with torch.no_grad():
        assert torch.allclose(model(IMAGES), model(shuffled), atol=1e-5)
        other = build("vit", **SMALL).eval()
        assert not torch.allclose(other(IMAGES), other(shuffled), atol=1e-3)


def test_sincos_positions_are_unit_circles_and_distinct():
    table = sincos_positions(8, 64)[0]
    quarter = 16
    assert torch.allclose(
        table[:, :quarter] ** 2 + table[:, quarter : 2 * quarter] ** 2, torch.ones(64, quarter), atol=1e-5
    )
    assert torch.cdist(table, table).add(torch.eye(64) * 9).min() > 0.1


def test_dropping_patches_keeps_cls_and_the_requested_share():
    model = build("vit", **SMALL).train()
    x, seen = model.embed(IMAGES), []
    model.blocks[0].register_forward_pre_hook(
        lambda block, given, named: seen.extend((given[0], named["kept"])), with_kwargs=True
    )
    model(IMAGES, keep=0.5)
    kept, chosen = seen
    assert kept.shape == (2, 9, 32)
    assert torch.equal(kept[:, 0], x[:, 0])
    for sample in range(2):
        distance = torch.cdist(kept[sample, 1:], x[sample, 1:])
        assert len(set(distance.argmin(dim=1).tolist())) == 8  # eight different patches, each one unchanged
        assert distance.min(dim=1).values.max() < 1e-3
        assert torch.equal(distance.argmin(dim=1), chosen[sample])


def test_drop_path_skips_a_share_of_the_samples_and_keeps_the_mean():
    torch.manual_seed(0)
    x, seen = torch.zeros(200, 3, 1), []

    def branch(y):
        seen.append(len(y))
        return torch.ones_like(y)

    total = torch.zeros(200)
    for _ in range(400):
        out = DropPath(0.25).train()(x, branch)[:, 0, 0]
        assert torch.allclose(out.unique(), torch.tensor([0.0, 1 / 0.75]))
        total += out
    assert set(seen) == {150}  # what is left out is not computed
    assert abs(total.mean() / 400 - 1) < 1e-5  # exactly a quarter each time
    assert (total / 400 - 1).abs().max() < 0.15  # and every sample alike: 5 standard deviations
    assert torch.equal(DropPath(0.25).eval()(x, branch), torch.ones(200, 3, 1))


@pytest.mark.parametrize("size", [1, 2, 4])
def test_drop_path_of_a_tiny_batch_keeps_at_least_one_sample_and_the_mean(size):
    torch.manual_seed(0)
    x = torch.zeros(size, 1, 1)
    outs = [DropPath(0.9).train()(x, torch.ones_like) for _ in range(400)]
    assert all(out.sum() == pytest.approx(size) for out in outs)  # one sample, scaled by the batch


def test_drop_path_with_given_samples_equals_the_definition():
    layer = torch.nn.Linear(4, 4)
    x = torch.randn(8, 5, 4, requires_grad=True)
    torch.manual_seed(1)
    kept = torch.randperm(8)[:6]
    mask = torch.zeros(8, 1, 1)
    mask[kept] = 8 / 6
    torch.manual_seed(1)
    ours = DropPath(0.25).train()(x, layer)
    reference = x + mask * layer(x)
    assert torch.allclose(ours, reference, atol=1e-6)
    weights = torch.randn(8, 5, 4)
    actual, expected = (
        torch.autograd.grad((y * weights).sum(), x, retain_graph=True)[0] for y in (ours, reference)
    )
    assert torch.allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_last_block_for_cls_only_gives_the_same_logits_and_gradients(norm):
    model = build("vit", **SMALL, norm=norm).double()
    images, labels = torch.randn(5, 3, 32, 32).double(), torch.arange(5)
    loss = F.cross_entropy(model(images), labels)
    everything = model.head(model.transformer(model.embed(images)))  # every block for every token
    reference = F.cross_entropy(everything, labels)
    assert torch.allclose(model(images), everything, atol=1e-12)
    actual, expected = (torch.autograd.grad(x, list(model.parameters())) for x in (loss, reference))
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(actual, expected, strict=True))


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2, 0.5])
def test_dropout_has_the_statistics_of_its_rate(rate):
    torch.manual_seed(0)
    count = 1_000_003  # not a multiple of the elements in a word
    out = Dropout(rate).train()(torch.ones(count))
    dropped = (out == 0).double()
    sigma = (rate * (1 - rate) / count) ** 0.5
    assert abs(dropped.mean() - rate) < 4 * sigma + 1 / 65536
    assert abs(out.double().mean() - 1) < 5 * sigma / (1 - rate)
    kept = out[out != 0]
    assert torch.allclose(kept, torch.full_like(kept, 1 / (1 - rate)), rtol=1e-4)
    lanes = dropped[: count // 4 * 4].view(-1, 4)  # the four elements of one 64-bit word
    assert (lanes.mean(dim=0) - rate).abs().max() < 8 * sigma + 1 / 65536
    assert (torch.corrcoef(lanes.T) - torch.eye(4)).abs().max() < 0.01
    assert abs((dropped[:-1] * dropped[1:]).mean() - rate**2) < 0.002  # neighbors across words too


def test_dropout_passes_gradients_of_kept_elements_and_is_off_in_evaluation():
    layer = Dropout(0.3).train()
    x = torch.randn(7, 11, requires_grad=True)
    out = layer(x)
    out.sum().backward()
    assert torch.equal(x.grad == 0, out == 0)
    assert torch.allclose(x.grad[out != 0], (out / x)[out != 0])
    assert torch.equal(layer.eval()(x), x)
    assert torch.equal(Dropout(0.0).train()(x), x)


def test_attention_dropout_keeps_the_expected_output():
    """Averaged over many masks, attention with dropout is attention."""
    torch.manual_seed(0)
    attention = build("vit", **SMALL, dropout=0.2).transformer[0].attn
    x = torch.randn(1, 17, 32)
    with torch.no_grad():
        expected = attention.eval()(x)
        attention.train()
        mean = torch.stack([attention(x) for _ in range(3000)]).mean(dim=0)
        assert not torch.allclose(attention(x), expected, atol=1e-3)
    assert (mean - expected).abs().max() < 0.02


def test_resnet_stages_halve_and_widen():
    model = build("resnet").eval()
    with torch.no_grad():
        stages = model.stages(IMAGES)
        assert [tuple(s.shape[1:]) for s in stages] == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]
        assert torch.equal(model.head(stages[-1]), model(IMAGES))


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("vgg", {}, "vgg"),
        ("vit", {"embed_dim": 100}, "100"),
        ("vit", {"image_size": 30}, "30"),
        ("vit", {"embed": 64}, "embed"),
        ("resnet", {"c_hidden": [8, 8, 8, 8, 8, 8], "num_blocks": [1] * 6, "image_size": 16}, "16"),
    ],
)
def test_invalid_options_are_rejected(name, options, words):
    with pytest.raises(UserError, match=words):
        build(name, **options)


def test_exported_snapshots_are_log_spaced_from_the_first_epoch_to_the_last():
    from pathlib import Path

    from vitcore.exchange.archive import log_spaced

    found = [Path(f"step-{350 * epoch:07d}.safetensors") for epoch in range(21)]
    epochs = [int(path.stem[5:]) // 350 for path in log_spaced(found, 4)]
    assert epochs == [1, 3, 7, 20]  # 20^(0, 1/3, 2/3, 1) = 1, 2.7, 7.4, 20
    assert log_spaced(found, 0) == []
    assert log_spaced(found, 1) == found[-1:]
    assert log_spaced(found[:2], 4) == found[1:2]
    assert log_spaced(found[:1], 4) == []
