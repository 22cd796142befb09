"""Attention, rollout and Grad-CAM against explicit computations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vitcore.analysis.attention import as_input, capture, query_map, rollout
from vitcore.analysis.attribution import grad_cam
from vitcore.architectures import ARCHITECTURES
from vitcore.data.augment import normalize
from vitcore.errors import UserError
from vitcore.models import build

PIXELS = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8))


@pytest.fixture(scope="module")
def vit():
    torch.manual_seed(0)
    return build("vit", embed_dim=32, hidden_dim=32, num_heads=4, num_layers=3, patch_size=8).eval()


def test_capture_accepts_pixels_or_normalized_images_and_keeps_the_model(vit):
    before = {k: v.clone() for k, v in vit.state_dict().items()}
    trace = capture(vit, PIXELS)
    assert trace.weights.shape == (3, 3, 4, 17, 17)
    assert torch.equal(trace.weights, capture(vit, normalize(PIXELS)).weights)
    one = torch.cat([capture(vit, image[None]).weights for image in PIXELS])
    assert torch.allclose(trace.weights, one, atol=1e-6)
    assert all(torch.equal(before[k], v) for k, v in vit.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in vit.modules())
    assert all(p.grad is None for p in vit.parameters())


def test_capture_rejects_a_model_without_attention():
    with pytest.raises(UserError, match="no attention"):
        capture(build("resnet").eval(), PIXELS)


def test_rollout_equals_explicit_products_and_its_rows_sum_to_one():
    weights = torch.rand(2, 3, 4, 5, 5, dtype=torch.float64).softmax(dim=-1)
    rolled = rollout(weights).numpy()
    for b in range(2):
        product = np.eye(5)
        for layer in range(3):
            step = 0.5 * weights[b, layer].numpy().mean(axis=0) + 0.5 * np.eye(5)
            product = step @ product
        assert np.allclose(rolled[b], product)
    assert np.allclose(rolled.sum(axis=-1), 1)


def test_rollout_of_identity_attention_is_the_identity():
    eye = torch.eye(6).expand(1, 4, 2, 6, 6)
    assert torch.equal(rollout(eye)[0], torch.eye(6))


def test_query_map_is_row_major_and_excludes_cls():
    row = torch.arange(17.0)
    assert torch.equal(query_map(row, prefix=1), torch.arange(1.0, 17.0).view(4, 4))
    assert torch.equal(query_map(row[1:], prefix=0), torch.arange(1.0, 17.0).view(4, 4))


def test_grad_cam_equals_its_closed_form_for_average_pooling():
    """With average pooling and a linear head, the gradient of logit c is weight[c] / (h w) everywhere."""
    torch.manual_seed(0)
    model = build("resnet").eval()
    classes = torch.tensor([3, 5, 0])
    ours = grad_cam(model, PIXELS, classes)
    with torch.no_grad():
        maps = model.stages(normalize(PIXELS))[-1]  # [3, 64, 8, 8]
        weights = model.output_net[2].weight[classes] / 64
        expected = torch.einsum("bc,bchw->bhw", weights, maps).relu()
    assert ours.shape == (3, 8, 8)
    assert torch.allclose(ours, expected, atol=1e-6)
    assert all(p.grad is None for p in model.parameters())
    assert torch.is_grad_enabled()


def test_grad_cam_rejects_a_model_without_stages(vit):
    with pytest.raises(UserError, match="stages"):
        grad_cam(vit, PIXELS, torch.tensor([0, 0, 0]))


@pytest.mark.parametrize("name", [name for name, a in ARCHITECTURES.items() if not a.attention])
def test_every_model_without_attention_has_a_map_per_stage(name):
    model = build(name).eval()
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    logits = model(as_input(images, model))
    features = model.stages(as_input(images, model))
    assert torch.allclose(model.head(features[-1]), logits, atol=1e-5)
    maps = [grad_cam(model, images, logits.argmax(dim=1), stage) for stage in range(len(features))]
    assert [tuple(m.shape[1:]) for m in maps] == [tuple(f.shape[2:]) for f in features]
    assert torch.equal(maps[-1], grad_cam(model, images, logits.argmax(dim=1)))
    assert all((m >= 0).all() for m in maps)
