"""Features of tokens against hooks and second implementations: points, components, outliers, attention."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vitcore.analysis.attention import capture
from vitcore.analysis.features import (
    outliers,
    principal_components,
    received_attention,
    residual_stream,
    unit_features,
)
from vitcore.networks.vit import ViT

SMALL = {"embed_dim": 32, "hidden_dim": 48, "num_heads": 4, "num_layers": 3, "patch_size": 8}


def network(**options) -> ViT:
    torch.manual_seed(0)
    return ViT(**{**SMALL, **options}).eval()


@pytest.fixture
def images():
    return torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("options", [{}, {"norm": "post"}, {"pool": "mean"}, {"registers": 2}])
def test_points_are_the_inputs_and_outputs_of_the_blocks_and_the_last_norm(options, images):
    model, seen = network(**options), []
    model.transformer[0].register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    for block in model.transformer:
        block.register_forward_hook(lambda module, given, output: seen.append(output))
    stream = residual_stream(model, capture(model, images))
    seen = [one.clone() for one in seen]
    norm = model.mlp_head[0]
    assert isinstance(norm, torch.nn.LayerNorm)
    seen.append(F.layer_norm(seen[-1], (32,), norm.weight, norm.bias, norm.eps))
    assert stream.shape == (1, 5, 16 + model.prefix_tokens, 32)
    torch.testing.assert_close(stream, torch.stack(seen, dim=1))


def test_cosines_of_half_precision_differ_by_at_most_a_thousandth():
    features = torch.randn(2, 50, 384, generator=torch.Generator().manual_seed(0))
    features[:, :, 7] *= 100  # one channel with massive activations
    features[0, 3] = 0
    units = unit_features(features).half().float()
    expected = F.cosine_similarity(features[:, :, None], features[:, None], dim=-1)
    assert ((units @ units.transpose(1, 2)) - expected).abs().max() < 1e-3
    assert not units[0, 3].any()


@pytest.mark.parametrize(("patches", "channels"), [(64, 20), (20, 64), (49, 49)])
def test_components_are_those_of_a_singular_value_decomposition(patches, channels):
    values = torch.randn(patches, channels, generator=torch.Generator().manual_seed(2)) * torch.linspace(
        3, 0.1, channels
    )
    centered = (values - values.mean(dim=0)).numpy().astype(np.float64)
    _, strength, axes = np.linalg.svd(centered, full_matrices=False)
    expected = []
    for axis in axes[:3]:
        projected = centered @ (axis * np.sign(axis[np.abs(axis).argmax()]))
        expected.append((projected - projected.min()) / (projected.max() - projected.min()))
    scaled, shares = principal_components(values)
    np.testing.assert_allclose(scaled.numpy(), np.stack(expected, axis=1), atol=1e-5)
    np.testing.assert_allclose(shares, (strength**2 / (strength**2).sum())[:3], rtol=1e-5)
    low_rank = torch.pca_lowrank(values, q=min(patches, channels), niter=6)[2][:, :3]
    similar = np.abs(np.corrcoef(scaled.numpy().T, (values @ low_rank).numpy().T)[:3, 3:])
    np.testing.assert_allclose(np.diag(similar), 1, atol=1e-4)


def test_components_without_variance_are_gray():
    line = torch.arange(9.0)[:, None] * torch.tensor([1.0, -2.0, 0.5, 0.0])
    scaled, shares = principal_components(line)
    np.testing.assert_allclose(scaled[:, 0], 1 - torch.arange(9) / 8, atol=1e-6)  # -2 is the largest weight
    assert (scaled[:, 1:] == 0.5).all()
    np.testing.assert_allclose(shares, [1, 0, 0], atol=1e-6)
    for values in (torch.ones(4, 8), torch.ones(1, 8), torch.randn(4, 1)):
        scaled, shares = principal_components(values)
        assert scaled.shape == (len(values), 3)
        assert torch.isfinite(scaled).all()
        assert torch.isfinite(shares).all()


def test_outlier_is_far_above_the_median_in_deviations_and_in_multiples():
    spread = torch.tensor([9.0, 10, 11] * 5)  # median 10, median absolute deviation 1: the limit is 17.4
    prefix = torch.tensor([30.0, 1])
    narrow = torch.full((15,), 10.0)  # no deviation: only the ratio keeps tokens out

    def found(patches, **changed):
        norms = torch.cat([prefix, patches])
        for place, value in changed.items():
            norms[int(place[1:])] = value
        return outliers(norms, prefix=2).nonzero().flatten().tolist()

    assert found(spread) == [0]
    assert found(spread, p5=19.9) == [0]
    assert found(spread, p5=20.1) == [0, 5]
    assert found(narrow, p7=19.0) == [0]
    assert found(narrow, p7=21.0, p9=40.0) == [0, 7, 9]
    wide = torch.tensor([1.0, 10, 19] * 5)  # median absolute deviation 9: the limit is 76.7
    assert found(wide, p5=76.0, p8=77.5) == [8]
    assert found(torch.zeros(15)) == []


def test_injected_outliers_are_found_and_their_attention_is_the_sum_over_the_maps(images):
    model = network(registers=1)
    with torch.no_grad():
        model.pos_embedding[0, 1 + 5] *= 40  # the patch of row 2, column 2
        model.register_tokens.mul_(40)
    trace = capture(model, images)
    norms = residual_stream(model, trace)[0].norm(dim=-1)
    members = outliers(norms, prefix=2)
    assert members[0].nonzero().flatten().tolist() == [1, 7]  # the register, and the patch after two tokens
    received = received_attention(trace.weights[0])
    torch.testing.assert_close(received.sum(dim=1), torch.ones(3))
    layers, heads, tokens, _ = trace.weights[0].shape
    for layer in range(layers):
        total = 0.0
        for head in range(heads):
            for query in range(tokens):
                total += sum(float(trace.weights[0, layer, head, query, key]) for key in (1, 7))
        assert float(received[layer, [1, 7]].sum()) == pytest.approx(total / (heads * tokens), rel=1e-5)
