"""Relevance, heads, logit lens and filters against closed forms and second implementations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from vitcore.analysis.attention import capture
from vitcore.analysis.heads import mean_distance, mean_entropy, references
from vitcore.analysis.inside import logit_lens, patch_filters, position_similarity, positions_only
from vitcore.analysis.relevance import readout_map, relevance
from vitcore.data.augment import normalize
from vitcore.errors import UserError
from vitcore.models import build


def small(**more):
    torch.manual_seed(0)
    sizes = {"embed_dim": 16, "hidden_dim": 24, "num_heads": 2, "num_layers": 2, "patch_size": 8}
    return build("vit", **{**sizes, **more}).eval()


def pictures(count=3):
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8))


def written_out(model, image, label):
    """The relevance of one image with torch's own attention, and R by explicit products."""
    seen = []
    x = model.embed(normalize(image[None]))
    for block in model.transformer:
        torch_attention = torch.nn.MultiheadAttention(16, 2, batch_first=True)
        torch_attention.load_state_dict(block.attn.state_dict())
        y = block.layer_norm_1(x)
        _, a = torch_attention(y, y, y, need_weights=True, average_attn_weights=False)
        a.retain_grad()
        seen.append(a)
        values = torch.nn.functional.linear(y, block.attn.in_proj_weight[32:], block.attn.in_proj_bias[32:])
        heads = [a[:, h] @ values[..., 8 * h : 8 * h + 8] for h in range(2)]
        x = x + block.attn.out_proj(torch.cat(heads, dim=-1))
        x = x + block.linear(block.layer_norm_2(x))
    model.head(x)[0, label].backward()
    total = np.eye(x.shape[1])
    for a in seen:
        step = np.maximum((a * a.grad).detach().numpy()[0], 0).mean(axis=0)
        total = total + step @ total
    return total


def test_relevance_equals_direct_autograd_on_two_layers():
    model, images, labels = small(), pictures(), torch.tensor([3, 7, 0])
    found = relevance(model, images, labels)
    for i in range(3):
        np.testing.assert_allclose(found[i], written_out(model, images[i], int(labels[i])), atol=1e-5)
    assert not torch.equal(found, relevance(model, images, labels + 1))


def test_relevance_leaves_the_model_unchanged():
    model = small()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    found = relevance(model, pictures(), torch.tensor([0, 1, 2]))
    assert not found.requires_grad
    assert all(p.grad is None and not p.requires_grad for p in model.parameters())
    assert not any(m._forward_hooks or m._backward_hooks for m in model.modules())
    with torch.inference_mode():  # as a page may call it
        again = relevance(model, pictures().clone(), torch.tensor([0, 1, 2]))
    torch.testing.assert_close(again, found)


def test_readout_map_is_the_row_of_cls_or_the_mean_over_patches():
    matrix = torch.arange(5.0 * 5).view(5, 5)  # CLS and four patches
    assert readout_map(small(patch_size=16), matrix).tolist() == [[1, 2], [3, 4]]
    assert readout_map(small(patch_size=16, pool="patches"), matrix).tolist() == [[13.5, 14.5], [15.5, 16.5]]
    assert readout_map(small(patch_size=16, pool="cls_mean"), matrix).tolist() == [
        [7.25, 8.25],
        [9.25, 10.25],
    ]
    assert readout_map(small(patch_size=16, pool="mean"), matrix[:4, :4]).tolist() == [
        [7.5, 8.5],
        [9.5, 10.5],
    ]


def form(kind, grid=8):
    """Attention of T = 65 tokens with a tenth of the mass on CLS, the rest as named."""
    rows = np.zeros((grid**2, grid**2))
    for q in range(grid**2):
        for k in range(grid**2):
            apart = max(abs(q // grid - k // grid), abs(q % grid - k % grid))
            rows[q, k] = {"uniform": 1, "identity": apart == 0, "neighbors": apart <= 1}[kind]
    rows /= rows.sum(axis=1, keepdims=True)
    whole = np.full((grid**2 + 1, grid**2 + 1), 0.1)
    whole[1:, 1:] = 0.9 * rows
    return torch.from_numpy(whole)


@pytest.mark.parametrize(("kind", "pixels"), [("uniform", 16.5), ("identity", 0.0), ("neighbors", 4.1)])
def test_mean_distances_equal_the_published_ones(kind, pixels):
    found = mean_distance(form(kind), 4, prefix=1)
    assert float(found) == pytest.approx(pixels, abs=0.05)


def test_entropies_equal_the_closed_form():
    assert float(mean_entropy(form("uniform"), prefix=1)) == pytest.approx(6.0)
    assert float(mean_entropy(form("identity"), prefix=1)) == pytest.approx(0.0)
    inner, edge, corner = (36 * math.log2(9), 24 * math.log2(6), 4 * math.log2(4))
    assert float(mean_entropy(form("neighbors"), prefix=1)) == pytest.approx((inner + edge + corner) / 64)


def test_references_equal_the_measures_of_reference_attention():
    for reference, kind in zip(references(8, 4), ("uniform", "neighbors"), strict=True):
        assert reference.distance == pytest.approx(float(mean_distance(form(kind), 4, prefix=1)), abs=1e-4)
        assert reference.entropy == pytest.approx(float(mean_entropy(form(kind), prefix=1)), abs=1e-4)


@pytest.mark.parametrize("pool", ["cls", "mean"])
def test_measures_accept_all_layers_and_heads(pool):
    model = small(pool=pool)
    weights = capture(model, pictures()).weights
    distances = mean_distance(weights, 8, prefix=model.prefix_tokens)
    assert distances.shape == mean_entropy(weights, prefix=model.prefix_tokens).shape == (3, 2, 2)
    assert 0 < float(distances.min()) <= float(distances.max()) <= 8 * 3 * math.sqrt(2)


@pytest.mark.parametrize("pool", ["cls", "mean"])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_logit_lens_ends_with_the_logits_of_the_model(pool, norm):
    model = small(pool=pool, norm=norm)
    trace = capture(model, pictures())
    lens = logit_lens(model, trace)
    assert lens.shape == (3, 3, 10)
    torch.testing.assert_close(lens[:, -1], model(normalize(pictures())))
    one_less = build(
        "vit", embed_dim=16, hidden_dim=24, num_heads=2, num_layers=1, patch_size=8, pool=pool, norm=norm
    )
    one_less.load_state_dict({k: v for k, v in model.state_dict().items() if "transformer.1" not in k})
    torch.testing.assert_close(lens[:, 1], one_less(normalize(pictures())))


def test_attention_of_an_empty_image_without_positions_is_uniform():
    with_none = positions_only(small(position="none", pool="mean")).weights
    torch.testing.assert_close(with_none, torch.full_like(with_none, 1 / 16))
    learned = positions_only(small())
    assert learned.weights.std() > 0
    torch.testing.assert_close(learned.logits, small()(torch.zeros(1, 3, 32, 32)))


def test_patch_filters_are_principal_components():
    model = small(patch_size=4)
    tiles, shares = patch_filters(model, count=48)
    weights = model.input_layer.weight.detach().numpy()
    values = np.linalg.eigvalsh(np.cov(weights, rowvar=False))[::-1][: len(shares)]
    np.testing.assert_allclose(shares, values / values.sum(), atol=1e-4)
    first = tiles[0].flatten().numpy()
    np.testing.assert_allclose(np.cov(weights, rowvar=False) @ first, values[0] * first, atol=1e-4)
    # the channel is the slowest: a filter that reads only red has only a red tile
    red = small(patch_size=4)
    with torch.no_grad():
        red.input_layer.weight[:, 16:] = 0
    assert patch_filters(red, 1)[0][0, 1:].abs().max() == 0


def test_position_similarity_is_the_cosine():
    model = small()
    positions = model.pos_embedding.detach().numpy()[0, 1:]
    found = position_similarity(model)
    cosine = np.dot(positions[2], positions[9]) / np.linalg.norm(positions[2]) / np.linalg.norm(positions[9])
    assert float(found[2, 9]) == pytest.approx(cosine, abs=1e-5)
    np.testing.assert_allclose(found.diagonal(), 1, atol=1e-5)
    assert position_similarity(small(position="none")).abs().max() == 0


@pytest.mark.parametrize(
    "look",
    [
        lambda m: relevance(m, pictures(1), torch.tensor([0])),
        patch_filters,
        position_similarity,
        positions_only,
    ],
)
def test_model_without_attention_is_rejected(look):
    with pytest.raises(UserError, match="choose a ViT run"):
        look(build("resnet").eval())
