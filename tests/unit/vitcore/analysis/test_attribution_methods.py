"""Attribution methods against hooks and plain loops, and against closed forms for a linear model."""

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
VARIANTS = [{"norm": norm, "pool": pool} for norm in ("pre", "post") for pool in ("cls", "mean")]  # of a ViT


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
    """The loop of vit-explain for matrices [T, T], with each row divided by its own sum."""
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
def test_fused_rollout_equals_the_loop_of_vit_explain(image, variant, fusion, discard):
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
def test_gradient_rollout_equals_the_loop_of_vit_explain(image, variant, discard):
    model = small_vit(**variant)
    layers = [
        np.maximum((weights * gradient).mean(axis=0), 0)
        for weights, gradient in attention_by_hooks(model, image, 4)
    ]
    # without ties at zero, which the reference and topk may order differently
    found = gradient_rollout(model, image, torch.tensor([4]), discard)[0]
    assert any(layer.any() for layer in layers)
    assert np.allclose(found, multiplied(layers, discard, keep_first=False), atol=1e-5)


def test_token_grad_cam_equals_pytorch_grad_cam_with_a_reshape_transform(image):
    model = vitcore.load("vit-cifar10")
    kept = {}
    handle = model.blocks[-1].layer_norm_1.register_forward_hook(
        lambda module, inputs, output: kept.setdefault("activation", output).retain_grad()
    )
    try:
        model(as_input(image, model).requires_grad_())[0, 3].backward()
    finally:
        handle.remove()
    side = model.grid

    def reshaped(tensor):  # reshape_transform of pytorch-grad-cam
        return tensor[:, 1:].reshape(1, side, side, -1).transpose(2, 3).transpose(1, 2)[0].detach().numpy()

    activations, gradients = reshaped(kept["activation"]), reshaped(kept["activation"].grad)
    model.zero_grad()
    expected = np.zeros((side, side))
    for channel, gradient in zip(activations, gradients, strict=True):
        expected += gradient.mean() * channel
    found = token_grad_cam(model, image, torch.tensor([3]))[0]
    assert np.allclose(found, np.maximum(expected, 0), atol=1e-6)
    assert found.any()


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_token_grad_cam_of_every_kind_of_vit_depends_on_the_patches(image, variant):
    model = small_vit(**variant)
    same = image.expand(10, -1, -1, -1)
    assert token_grad_cam(model, same, torch.arange(10)).flatten(1).any(dim=1).any()


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


def test_integrated_gradients_equal_a_fine_riemann_sum(image):
    model = small_vit()
    x = as_input(image, model)
    total = torch.zeros_like(x)
    for step in range(400):
        point = ((step + 0.5) / 400 * x).requires_grad_()
        model(point)[0, 7].backward()
        total += point.grad
    expected = (x * total / 400).sum(dim=1)[0].detach()
    found = integrated_gradients(model, image, torch.tensor([7]))[0]
    assert torch.allclose(found, expected, atol=0.02 * float(expected.abs().max()))


@pytest.mark.parametrize("size", [32, 30])
def test_occlusion_of_a_real_model_equals_a_plain_loop(size):
    model = build("resnet", image_size=size, c_hidden=[4, 8], num_blocks=[1, 1]).eval()
    x = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(2))
    stride = size // 8 // 2
    starts = sorted({*range(0, size - 2 * stride + 1, stride), size - 2 * stride})
    total, count = np.zeros((size, size)), np.zeros((size, size))
    with torch.no_grad():
        whole = model(x)[0, 6]
        for top in starts:
            for left in starts:
                hidden = x.clone()
                hidden[:, :, top : top + 2 * stride, left : left + 2 * stride] = 0
                total[top : top + 2 * stride, left : left + 2 * stride] += float(whole - model(hidden)[0, 6])
                count[top : top + 2 * stride, left : left + 2 * stride] += 1
    assert np.allclose(occlusion_maps(model, x, torch.tensor([6]))[0], total / count, atol=1e-4)


def test_methods_of_attention_refuse_other_models(image):
    model, classes = build("resnet").eval(), torch.tensor([0])
    for method in (gradient_rollout, token_grad_cam):
        with pytest.raises(UserError, match="ResNet"):
            method(model, image, classes)
