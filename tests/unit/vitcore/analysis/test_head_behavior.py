"""What heads do, of maps with a known answer, of heads constructed to attend in one way, and of the probe."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from vitcore.analysis.attention import capture
from vitcore.analysis.head_behavior import (
    attention_to_cls,
    attention_to_self,
    head_behavior,
    position_correlation,
)
from vitcore.errors import UserError
from vitcore.models import build
from vitcore.probes import heads as probe


def pictures(count=4, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8))


def random_maps(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), shape[:-1])).float()


def test_attention_to_cls_and_to_itself_of_known_maps():
    to_itself, to_cls = torch.eye(5), torch.zeros(5, 5)
    to_cls[:, 0] = 1
    maps = torch.stack([to_itself, to_cls, torch.full((5, 5), 0.2)])
    assert attention_to_cls(maps, prefix=1).tolist() == pytest.approx([0, 1, 0.2])
    assert attention_to_self(maps, prefix=1).tolist() == pytest.approx([1, 0, 0.2])
    assert attention_to_self(maps, prefix=0).tolist() == pytest.approx([1, 0.2, 0.2])


@pytest.mark.parametrize("prefix", [0, 1, 3])
def test_position_correlation_equals_that_of_numpy_over_all_pairs_of_patches(prefix):
    maps, blank = random_maps(2, 3, 10, 10), random_maps(3, 10, 10, seed=5)
    found = position_correlation(maps, blank, prefix=prefix)

    def pairs(weights):
        inner = weights.numpy()[prefix:, prefix:]
        return (inner / inner.sum(axis=1, keepdims=True)).ravel()

    for image, head in np.ndindex(2, 3):
        expected = np.corrcoef(pairs(maps[image, head]), pairs(blank[head]))[0, 1]
        assert found[image, head] == pytest.approx(expected, abs=1e-5)


def test_uniform_map_has_no_position_correlation():
    uniform, other = torch.full((9, 9), 1 / 9), random_maps(9, 9)
    assert position_correlation(uniform, other, prefix=0) == 0
    assert position_correlation(other, uniform, prefix=0) == 0
    assert position_correlation(other, other, prefix=0) == pytest.approx(1)


def constructed(**options):
    """A ViT with one block of two heads: the first sees positions only, the second content only."""
    torch.manual_seed(0)
    sizes = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 8}
    model = build("vit", **{**sizes, "norm": "post", "pool": "mean", **options}).eval()
    with torch.no_grad():
        model.input_layer.weight[8:] = 0
        model.input_layer.bias.zero_()
        model.pos_embedding[..., :8] = 0
        for start in (0, 16):  # queries and keys: the first 8 rows are of the first head
            model.transformer[0].attn.in_proj_weight[start : start + 8, :8] = 0
            model.transformer[0].attn.in_proj_weight[start + 8 : start + 16, 8:] = 0
        model.transformer[0].attn.in_proj_weight[:32] *= 4  # far from uniform attention
    return model


def test_position_correlation_separates_a_positional_head_from_one_that_reads_content():
    found = head_behavior(constructed(), pictures())["position"]
    assert found.shape == (4, 1, 2)
    assert found[:, 0, 0].tolist() == pytest.approx([1] * 4, abs=1e-5)
    assert found[:, 0, 1].tolist() == [0] * 4  # without content, it attends to all patches equally


def test_behavior_has_the_numbers_of_each_image_whatever_the_batch(monkeypatch):
    torch.manual_seed(0)
    model = build("vit", embed_dim=16, hidden_dim=16, num_heads=2, num_layers=2, patch_size=8).eval()
    images = pictures()
    together = head_behavior(model, images)
    assert set(together) == {"distance", "entropy", "to_cls", "to_self", "position"}
    monkeypatch.setattr("vitcore.analysis.head_behavior._images_at_once", lambda weights: 1)
    for name, one_by_one in head_behavior(model, images).items():
        torch.testing.assert_close(together[name], one_by_one)
    weights = capture(model, images).weights
    assert together["to_cls"][2, 1, 0] == pytest.approx(float(weights[2, 1, 0, 1:, 0].mean()))
    without_cls = build("vit", embed_dim=16, hidden_dim=16, num_heads=2, num_layers=1, pool="mean").eval()
    assert "to_cls" not in head_behavior(without_cls, images)


def test_probe_gives_means_and_standard_errors_and_the_change_without_a_head():
    torch.manual_seed(0)
    model = build("vit", embed_dim=16, hidden_dim=16, num_heads=2, num_layers=2, patch_size=8).eval()
    images = pictures(24)
    labels = model(images.float() / 255).argmax(dim=1).numpy() % 3
    *_, (done, values) = probe.measure(model, None, images, labels, {})
    assert (done, values.ablated) == (24, 24)
    found = head_behavior(model, images)["entropy"].double().numpy()
    np.testing.assert_allclose(values.entropy.mean, found.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(values.entropy.error, found.std(axis=0, ddof=1) / math.sqrt(24), atol=1e-6)
    zeroed = build("vit", embed_dim=16, hidden_dim=16, num_heads=2, num_layers=2, patch_size=8).eval()
    zeroed.load_state_dict(model.state_dict())
    with torch.no_grad():
        zeroed.transformer[1].attn.out_proj.weight[:, :8] = 0  # the first head of the second block
    logits = [capture(net, images).logits for net in (model, zeroed)]
    before, after = (one.argmax(dim=1).numpy() == labels for one in logits)
    log_before, log_after = (  # torch's cross-entropy is the negative log probability of the class
        -cross_entropy(one, torch.from_numpy(labels), reduction="none").numpy() for one in logits
    )
    assert values.base.mean == pytest.approx(before.mean(), abs=1e-6)
    assert values.base_log.mean == pytest.approx(log_before.mean(), abs=1e-5)
    for found, change in (
        (values.accuracy_change, after.astype(float) - before),
        (values.log_change, log_after - log_before),
    ):
        assert found.mean[1][0] == pytest.approx(change.mean(), abs=2e-6)
        assert found.error[1][0] == pytest.approx(change.std(ddof=1) / math.sqrt(24), abs=2e-6)
    assert abs(values.log_change.mean[1][0]) > 1e-4
    rows = list(values.rows())
    assert len(rows) == 7 * 4 + 2
    head = rows[4 + 2]
    assert (head["quantity"], head["layer"], head["head"]) == ("entropy of attention, bits", "block 2", 1)


def test_ablation_is_limited_to_fewer_images_and_left_out_for_a_large_model(monkeypatch):
    torch.manual_seed(0)
    model = build("vit", embed_dim=16, hidden_dim=16, num_heads=2, num_layers=2, patch_size=8).eval()
    images, labels = pictures(12), np.zeros(12, int)
    complete = probe.images_to_ablate(model, 10**9)
    monkeypatch.setattr(probe, "MAX_ABLATION", probe.MAX_ABLATION * 11 / complete)
    monkeypatch.setattr(probe, "MIN_ABLATED", 5)
    assert probe.images_to_ablate(model, 12) in (10, 11)
    *_, (done, values) = probe.measure(model, None, images, labels, {})
    assert (done, values.ablated) == (12, probe.images_to_ablate(model, 12))
    monkeypatch.setattr(probe, "MIN_ABLATED", 12)
    *_, (_, values) = probe.measure(model, None, images, labels, {})
    assert (values.ablated, values.log_change) == (0, None)
    assert "change" not in values.model_dump_json()


def test_model_without_attention_is_refused():
    with pytest.raises(UserError, match="no attention: choose a ViT run"):
        next(probe.measure(build("resnet").eval(), None, pictures(), np.zeros(4, int), {}))
