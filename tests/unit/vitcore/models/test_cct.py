"""The CCT against the authors' layout, written out with torch's own modules, and its analyses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.conftest import ROOT
from vitcore.analysis.ablation import without_each_block, without_each_head
from vitcore.analysis.attention import capture, rollout
from vitcore.analysis.attribution import token_grad_cam
from vitcore.analysis.block_steps import block_steps, head_steps
from vitcore.analysis.inside import logit_lens, position_similarity
from vitcore.analysis.layers import bounds
from vitcore.analysis.relevance import readout_map, relevance
from vitcore.config import make_config
from vitcore.data.augment import normalize
from vitcore.errors import UserError
from vitcore.models import build, count_parameters

SMALL = {"embed_dim": 32, "hidden_dim": 48, "num_heads": 4, "num_layers": 3, "patch_size": 4}
IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8))


class Layer(nn.Module):
    """The encoder layer of SHI-Labs/Compact-Transformers in evaluation mode, with its names."""

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.pre_norm, self.norm1 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim)
        self.linear1, self.linear2 = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def attention(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5).softmax(dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(b, n, c))

    def forward(self, src):
        src = src + self.attention(self.pre_norm(src))
        src = self.norm1(src)
        return src + self.linear2(F.gelu(self.linear1(src)))


class Authors(nn.Module):
    """Their CCT: tokenizer, learned positions, layers, norm, sequence pooling, classifier."""

    def __init__(self, dim, heads, hidden, layers, widths, kernel, stride, side, classes=10) -> None:
        super().__init__()
        parts, before = [], 3
        for width in widths:
            convolution = nn.Conv2d(before, width, kernel, stride, max(1, kernel // 2), bias=False)
            parts += [convolution, nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
            before = width
        self.conv_layers = nn.Sequential(*parts)
        self.positional_emb = nn.Parameter(torch.randn(1, side * side, dim))
        self.blocks = nn.ModuleList(Layer(dim, heads, hidden) for _ in range(layers))
        self.norm, self.attention_pool = nn.LayerNorm(dim), nn.Linear(dim, 1)
        self.fc = nn.Linear(dim, classes)

    def forward(self, images):
        x = self.conv_layers(images).flatten(2, 3).transpose(-2, -1) + self.positional_emb
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.fc((self.attention_pool(x).softmax(dim=1).transpose(-1, -2) @ x).squeeze(-2))


NAMES = {  # of ours: theirs
    "input_layer.": "conv_layers.",
    "pos_embedding": "positional_emb",
    "transformer.": "blocks.",
    "layer_norm_1": "pre_norm",
    "layer_norm_2": "norm1",
    "attn.in_proj_weight": "qkv.weight",
    "attn.out_proj": "proj",
    "linear.0": "linear1",
    "linear.3": "linear2",
    "mlp_head.0": "norm",
    "mlp_head.1": "fc",
}


def renamed(name: str) -> str:
    for ours, theirs in NAMES.items():
        name = name.replace(ours, theirs)
    return name


@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({}, (256, 4, 512, 6, [256], 3, 1, 16)),  # CCT-6/3x1
        ({**SMALL}, (32, 4, 48, 3, [64, 32], 3, 1, 8)),
        ({**SMALL, "kernel_size": 7, "patch_size": 16}, (32, 4, 48, 3, [64, 32], 7, 2, 2)),
    ],
    ids=["cct-6-3x1", "3x2", "7x2"],
)
def test_logits_equal_those_of_the_authors_layout_with_random_weights(options, theirs):
    torch.manual_seed(0)
    reference, ours = Authors(*theirs).eval(), build("cct", **options).eval()
    for parameter in reference.parameters():
        nn.init.normal_(parameter, std=0.1)
    weights = reference.state_dict()
    assert {renamed(name) for name in ours.state_dict()} == set(weights)
    ours.load_state_dict({name: weights[renamed(name)] for name in ours.state_dict()})
    assert count_parameters(ours) == count_parameters(reference)
    images = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(ours(images), reference(images), atol=1e-5)
        assert torch.allclose(ours.trace(images).logits, reference(images), atol=1e-5)


def test_cct_6_3x1_has_the_published_number_of_parameters():
    """The paper's 3.17 million leave out the positions. By hand: tokenizer, layers, norm, pooling, head."""
    layer = 2 * 512 + 3 * 256 * 256 + (256 * 256 + 256) + (256 * 512 + 512) + (512 * 256 + 256)
    count = 27 * 256 + 6 * layer + 512 + 257 + 2570
    assert count_parameters(build("cct", position="none")) == count
    assert round(count / 1e6, 2) == 3.17
    count += 256 * 256
    assert count_parameters(build("cct")) == count
    assert f"{count:,}" in (ROOT / "vitcore/architectures/cct.py").read_text()


def test_analyses_of_a_vit_apply_to_a_cct():
    torch.manual_seed(0)
    model = build("cct", **SMALL).eval()
    classes, same = torch.arange(10), IMAGES[:1].expand(10, -1, -1, -1)
    trace = capture(model, IMAGES)
    assert trace.weights.shape == (2, 3, 4, 64, 64)
    torch.testing.assert_close(trace.logits, model(normalize(IMAGES)), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(logit_lens(model, trace)[:, -1], trace.logits)
    assert readout_map(model, relevance(model, same, classes), same[:1]).shape == (10, 8, 8)
    assert token_grad_cam(model, same, classes).shape == (10, 8, 8)
    assert position_similarity(model).shape == (64, 64)
    base, skipped = without_each_block(model, IMAGES)
    assert torch.equal(base, trace.logits.argmax(dim=1))
    assert torch.equal(without_each_head(model, IMAGES)[0].argmax(dim=1), base)
    assert len(skipped) == 3


@torch.no_grad()
def test_steps_of_a_block_add_up_with_the_norm_inside_the_stream():
    torch.manual_seed(0)
    model = build("cct", **SMALL).eval()
    trace, steps = capture(model, IMAGES[:1]), block_steps(model, IMAGES[:1], 1)
    norm = model.blocks[1].layer_norm_2
    torch.testing.assert_close(steps.sum_1, steps.input + steps.projected)
    torch.testing.assert_close(steps.middle, F.layer_norm(steps.sum_1, (32,), norm.weight, norm.bias))
    torch.testing.assert_close(steps.mlp_input, steps.middle)
    torch.testing.assert_close(steps.output, steps.middle + steps.mlp)
    torch.testing.assert_close(steps.output, trace.hidden[0, 2], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(head_steps(model, trace.hidden[0, -1]).logits, trace.logits[0])


@torch.no_grad()
def test_rollout_is_read_with_the_shares_of_sequence_pooling():
    torch.manual_seed(0)
    model = build("cct", **SMALL).eval()
    nn.init.normal_(model.attention_pool.weight)
    trace = capture(model, IMAGES)
    rows, last = rollout(trace.weights), model.mlp_head[0](trace.hidden[:, -1])
    scores = last @ model.attention_pool.weight[0] + model.attention_pool.bias
    shares = scores.exp() / scores.exp().sum(dim=1, keepdim=True)
    assert shares.max() > 2 / 64
    expected = torch.einsum("bq,bqk->bk", shares, rows).view(2, 8, 8)
    found = readout_map(model, rows, IMAGES)
    torch.testing.assert_close(found, expected)
    assert found.sum(dim=(1, 2)).tolist() == pytest.approx([1, 1], abs=1e-5)
    with pytest.raises(ValueError, match="tokens"):
        readout_map(model, rows)


def test_receptive_field_of_a_token_is_that_of_the_tokenizer():
    """A 3x3 convolution, then the largest of 3x3 positions, of which every second is kept."""
    model = build("cct", embed_dim=32, hidden_dim=48, num_layers=2).eval()
    assert bounds(model, 32, (9, 16))[0] == (6, 14, 10, 18)


def test_sizes_that_the_tokenizer_cannot_make_are_refused():
    with pytest.raises(UserError, match="power of 2"):
        make_config(model="cct", patch_size=6)
    with pytest.raises(UserError, match="power of 4"):
        make_config(model="cct", patch_size=8, kernel_size=7)
    with pytest.raises(UserError, match="num_heads 3"):
        make_config(model="cct", num_heads=3)
