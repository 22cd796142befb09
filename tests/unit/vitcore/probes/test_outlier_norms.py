"""The probe of outlier norms on made models with known outliers, and against direct computations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from vitcore.analysis.attention import capture
from vitcore.analysis.layers import layer_maps
from vitcore.data.augment import normalize
from vitcore.data.datasets import load_dataset
from vitcore.models import build
from vitcore.networks.vit import ViT
from vitcore.probes import PROBES, Outcome, View

PROBE = PROBES["registers"]
IMAGES = torch.from_numpy(np.asarray(load_dataset("cifar10-mini").test.images[:12]))
LABELS = np.zeros(12, int)
SMALL = {"embed_dim": 32, "hidden_dim": 32, "num_heads": 4, "num_layers": 2, "patch_size": 8}


def measured(model, images=IMAGES):
    *_, (done, values) = PROBE.steps(model, None, images, LABELS[: len(images)], {})
    assert done == len(images)
    return values


def made(scale, **options):
    """Return a ViT whose blocks change nothing and attend uniformly, with patch 5 `scale` times larger."""
    torch.manual_seed(0)
    model = ViT(**{**SMALL, "position": "none", **options}).eval()
    with torch.no_grad():
        model.input_layer.weight.zero_()
        model.input_layer.bias.fill_(1.0)
        for parameter in model.transformer.parameters():
            parameter.zero_()
        model.pos_embedding[0, model.prefix_tokens - model_registers(model) + 5] = scale - 1.0
    return model


def model_registers(model):
    """Return the number of tokens before the patches that have no position."""
    return model.prefix_tokens - (model.pos_embedding.shape[1] - 16)


@pytest.mark.parametrize(("scale", "count"), [(10.0, 1), (2.0, 1), (1.9, 0), (1.0, 0)])
@pytest.mark.parametrize("options", [{}, {"pool": "mean"}, {"registers": 3}])
def test_one_scaled_token_is_the_only_outlier_and_receives_its_share(scale, count, options):
    model = made(scale, **options)
    values, tokens = measured(model), 16 + model.prefix_tokens
    assert values.layers == ["patches", "block 1", "block 2"]
    assert values.outliers.mean == pytest.approx([count / 16] * 3, abs=1e-6)
    assert values.outliers.error == [0] * 3
    assert [row[-1] for row in values.quantiles.mean] == pytest.approx([scale] * 3, rel=1e-5)
    assert values.to_outliers.mean == pytest.approx([count / tokens] * 2, abs=1e-6)  # uniform attention
    assert values.even.mean == pytest.approx([count / tokens] * 2, abs=1e-6)
    assert (values.to_cls is None) == (values.cls is None) == (options.get("pool") == "mean")
    if values.to_cls:
        assert values.to_cls.mean == pytest.approx([1 / tokens] * 2, abs=1e-6)
        norm = model.cls_token.norm().item() / 32**0.5
        assert values.cls.mean == pytest.approx([norm] * 3, rel=1e-4)
    assert bool(values.registers) == bool(values.to_registers) == ("registers" in options)
    if values.to_registers:
        assert values.to_registers.mean == pytest.approx([3 / tokens] * 2, abs=1e-6)
        norm = model.register_tokens.norm(dim=-1).mean().item() / 32**0.5
        assert values.registers.mean == pytest.approx([norm] * 3, rel=1e-4)


def test_values_of_a_vit_are_means_over_images_with_their_errors():
    torch.manual_seed(0)
    model = build("vit", **SMALL, registers=2).eval()
    values = measured(model)
    trace = capture(model, normalize(IMAGES))
    norms = trace.hidden.norm(dim=-1).numpy()  # [B, L + 1, T]
    ratios = norms / np.median(norms[..., 3:], axis=-1, keepdims=True)
    expected = np.quantile(ratios[..., 3:], [0.05, 0.25, 0.75, 0.95, 1], axis=-1)  # [5, B, L + 1]
    assert np.allclose(values.quantiles.mean, expected.mean(axis=1).T, atol=1e-4)
    assert np.allclose(values.quantiles.error, expected.std(axis=1, ddof=1).T / 12**0.5, atol=1e-4)
    assert np.allclose(values.cls.mean, ratios[..., 0].mean(axis=0), atol=1e-4)
    received = trace.weights.mean(dim=(2, 3)).numpy()  # [B, L, T]
    assert np.allclose(values.to_cls.mean, received[..., 0].mean(axis=0), atol=1e-4)
    assert np.allclose(values.to_registers.mean, received[..., 1:3].sum(axis=-1).mean(axis=0), atol=1e-4)


def test_norms_of_a_cnn_are_those_of_its_positions_and_it_has_no_attention():
    torch.manual_seed(0)
    model = build("resnet", c_hidden=[6, 8, 8], num_blocks=[1, 1, 1]).eval()
    values = measured(model)
    with torch.inference_mode():
        maps = layer_maps(model, normalize(IMAGES))
    assert values.layers == list(maps)
    assert (values.to_outliers, values.cls, values.registers) == (None, None, None)
    for row, layer in zip(values.quantiles.mean, maps.values(), strict=True):
        norms = np.sqrt((layer.numpy().astype(float) ** 2).sum(axis=1)).reshape(12, -1)
        assert row[-1] == pytest.approx((norms.max(axis=1) / np.median(norms, axis=1)).mean(), rel=1e-4)
    assert [shape.quantity for shape in values.shapes()] == [
        "norm / median",
        "outliers, % of the positions",
    ]


class Blank(nn.Module):
    """A network whose maps are zero, with one position that is not."""

    def stages(self, images):
        maps = torch.zeros(len(images), 4, 8, 8)
        return [maps, maps.index_fill(-1, torch.tensor([0]), 1.0)]

    def head(self, maps):
        return maps.mean(dim=(2, 3))


def test_layer_with_a_median_of_zero_has_no_outliers_and_no_norms():
    values = measured(Blank())
    assert values.outliers.mean == [0, 0]
    assert not np.any(values.quantiles.mean)


def test_finding_compares_the_attention_to_outliers_with_uniform_attention():
    text = PROBE.find([Outcome("ViT", measured(made(10.0)))], View())
    assert "6.2 ± 0.0 % before block 1 (ViT)" in text
    assert "5.9 ± 0.0 % of the attention" in text
    assert "give them 5.9 %" in text
    text = PROBE.find([Outcome("ViT", measured(made(1.0)))], View())
    assert "none (ViT)" in text
    assert "attention" not in text
