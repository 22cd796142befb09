"""Attribution methods against closed forms for a linear model, and rollouts against our own loops.

The loops are for models that vit-explain does not support: with post-norm or without CLS. Comparisons with
the code of others are in `test_against_captum.py` and `test_against_stored_outputs.py`.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import vitcore
from vitcore.analysis.attention import as_input, capture, rollout
from vitcore.analysis.attribution import token_grad_cam
from vitcore.analysis.flow import fused_rollout, gradient_rollout
from vitcore.analysis.pixels import integrated_gradients, logit_above_baseline, occlusion_maps
from vitcore.data import load_dataset
from vitcore.errors import UserError
from vitcore.models import build

SMALL = {"embed_dim": 16, "hidden_dim": 32, "num_heads": 4, "num_layers": 3, "patch_size": 8}
VARIANTS = [
    {"norm": "post", "pool": "cls"},
    {"norm": "pre", "pool": "mean"},
    {"norm": "post", "pool": "mean"},
]


@pytest.fixture(scope="module")
def image():
    return torch.from_numpy(load_dataset("cifar10-mini").test.images[5:6])


def small_vit(**options):
    torch.manual_seed(3)
    return build("vit", **(SMALL | options)).eval()


def attention_by_hooks(model, image, target):
    """Return (attention, gradient of the logit for it) of each block, two arrays [H, T, T]."""
    kept = []

    def scores(module, arguments):
        x = arguments[0]
        d = x.shape[-1]
        q, k = (
            x @ module.in_proj_weight[i * d : (i + 1) * d].T + module.in_proj_bias[i * d : (i + 1) * d]
            for i in (0, 1)
        )
        v = x @ module.in_proj_weight[2 * d :].T + module.in_proj_bias[2 * d :]
        heads, width = module.heads, d // module.heads
        split = [part[0].view(-1, heads, width) for part in (q, k, v)]
        weights = torch.stack(
            [(split[0][:, h] @ split[1][:, h].T / width**0.5).softmax(-1) for h in range(heads)]
        )
        weights.retain_grad()
        mixed = torch.cat([weights[h] @ split[2][:, h] for h in range(heads)], dim=-1)
        kept.append(weights)
        return mixed[None]

    handles = []
    for block in model.blocks:

        def replaced(module, arguments, _, at=block.attn):
            count = 1 if model.has_cls and at is model.blocks[-1].attn else None
            return at.out_proj(scores(at, arguments))[:, :count]

        handles.append(block.attn.register_forward_hook(replaced))
    try:
        model(as_input(image, model))[0, target].backward()
    finally:
        for handle in handles:
            handle.remove()
        model.zero_grad()
    return [(weights.detach().numpy(), weights.grad.numpy()) for weights in kept]


def multiplied(layers, discard, keep_first):
    """Discard, add the identity, divide rows and multiply, for one matrix [T, T] of each layer."""
    result = np.eye(len(layers[0]))
    for fused in layers:
        flat = fused.astype(np.float64).ravel().copy()
        for index in np.argsort(flat, kind="stable")[: int(len(flat) * discard)]:
            if not (keep_first and index == 0):
                flat[index] = 0
        step = (flat.reshape(fused.shape) + np.eye(len(fused))) / 2
        result = (step / step.sum(axis=1, keepdims=True)) @ result
    return result


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("fusion", ["mean", "max", "min"])
@pytest.mark.parametrize("discard", [0.0, 0.5, 0.9])
def test_fused_rollout_equals_our_own_loop_over_hooked_attention(image, variant, fusion, discard):
    model = small_vit(**variant)
    layers = [getattr(weights, fusion)(axis=0) for weights, _ in attention_by_hooks(model, image, 1)]
    weights = capture(model, image).weights
    found = fused_rollout(weights, fusion, discard, has_cls=model.has_cls)[0]
    assert np.allclose(found, multiplied(layers, discard, model.has_cls), atol=1e-5)


def test_mean_fusion_without_discarding_is_the_rollout_of_abnar_and_zuidema(image):
    weights = capture(vitcore.load("vit-cifar10"), image).weights
    assert torch.allclose(fused_rollout(weights), rollout(weights), atol=1e-6)


def test_weight_of_cls_on_itself_is_kept_although_it_is_the_lowest():
    weights = torch.full((1, 1, 1, 2, 2), 0.5)
    weights[0, 0, 0, 0] = torch.tensor([0.1, 0.9])
    kept = fused_rollout(weights, discard=0.5)[0]
    assert torch.allclose(kept[0], torch.tensor([1.1, 0.9]) / 2)
    dropped = fused_rollout(weights, discard=0.5, has_cls=False)[0]
    assert torch.allclose(dropped[0], torch.tensor([1.0, 0.9]) / 1.9)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("discard", [0.0, 0.9])
def test_gradient_rollout_equals_our_own_loop_over_hooked_attention(image, variant, discard):
    model = small_vit(**variant)
    layers = [
        np.maximum((weights * gradient).mean(axis=0), 0)
        for weights, gradient in attention_by_hooks(model, image, 4)
    ]
    found = gradient_rollout(model, image, torch.tensor([4]), discard)[0]
    assert any(layer.any() for layer in layers)
    assert np.allclose(found, multiplied(layers, discard, keep_first=False), atol=1e-5)


class Linear(nn.Module):
    """Logits that are linear in the pixels, so that attributions have closed forms."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weights = torch.randn(4, 3, 16, 16, generator=generator)

    def forward(self, images):
        return torch.einsum("bchw,kchw->bk", images, self.weights) + 5


def test_pixel_methods_have_closed_forms_for_a_linear_model():
    model, x = Linear(), torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    classes = torch.tensor([2, 0])
    share = (x * model.weights[classes]).sum(dim=1)  # [2, 16, 16]
    assert torch.allclose(integrated_gradients(model, x, classes, 4), share, atol=1e-4)
    assert torch.allclose(logit_above_baseline(model, x, classes), share.sum(dim=(1, 2)), atol=1e-3)
    expected, windows = np.zeros((2, 16, 16)), np.zeros((16, 16))
    for top in range(0, 13, 2):  # windows of 4 pixels, a quarter of the side, every 2 pixels
        for left in range(0, 13, 2):
            inside = np.s_[top : top + 4, left : left + 4]
            windows[inside] += 1
            expected[(slice(None), *inside)] += (
                share[(slice(None), *inside)].numpy().sum(axis=(1, 2))[:, None, None]
            )
    found = occlusion_maps(model, x, classes, windows=4)
    assert np.allclose(found, expected / windows, atol=1e-3)


@pytest.mark.parametrize(("run", "tolerance"), [("vit-cifar10-gpu", 0.001), ("resnet-cifar10-gpu", 0.03)])
def test_integrated_gradients_are_complete(image, run, tolerance):
    model = vitcore.load(run)
    classes = model(as_input(image, model)).argmax(dim=1)
    exact = float(logit_above_baseline(model, image, classes))
    found = float(integrated_gradients(model, image, classes).sum())
    assert found == pytest.approx(exact, rel=tolerance)


def test_methods_of_attention_refuse_other_models(image):
    model, classes = build("resnet").eval(), torch.tensor([0])
    for method in (gradient_rollout, token_grad_cam):
        with pytest.raises(UserError, match="ResNet"):
            method(model, image, classes)
