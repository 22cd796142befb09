"""The steps of a convolution against hooks on torch modules and against sums written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitcore
from vitcore.analysis.attention import as_input
from vitcore.analysis.convolution_steps import convolution_steps, pooled_head, window
from vitcore.errors import UserError
from vitcore.models import build

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def fresh(name="preactresnet", **more):
    torch.manual_seed(0)
    model = build(name, **{"c_hidden": (6, 8), "num_blocks": (1, 2), **more})
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # otherwise zeros and ones, which hide mistakes
            for values in (module.running_mean, module.weight, module.bias):
                torch.nn.init.normal_(values, mean=0.3, std=0.5)
            torch.nn.init.uniform_(module.running_var, 0.2, 2.0)
    return model.eval()


def picture(size=32):
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, (1, 3, size, size), dtype=np.uint8))


def bundled():
    return vitcore.load("resnet-cifar10")


MODELS = pytest.mark.parametrize("make", [bundled, fresh], ids=lambda make: make.__name__)


def hooked(model, image):
    """What forward hooks see on every module: its input and its output."""
    seen = {}

    def hook(_, args, output, *, name):
        seen[name] = (args[0][0], output[0])

    from functools import partial

    handles = [m.register_forward_hook(partial(hook, name=name)) for name, m in model.named_modules()]
    with torch.inference_mode():
        model(as_input(image, model))
    for handle in handles:
        handle.remove()
    return seen


@MODELS
def test_every_block_equals_what_hooks_on_the_modules_see(make):
    model, image = make(), picture()
    seen = hooked(model, image)
    for block in range(len(model.blocks) + 1):
        steps = convolution_steps(model, image, block)
        name = f"blocks.{block - 1}" if block else "input_net"
        net = f"{name}.net" if block else name
        torch.testing.assert_close(steps.input, seen[name][0], **CLOSE)
        torch.testing.assert_close(steps.output, seen[name][1], **CLOSE)
        convolutions = [one for one, m in model.get_submodule(net).named_children() if hasattr(m, "stride")]
        assert len(convolutions) == len(steps.convolutions) == (2 if block else 1)
        for index, found in zip(convolutions, steps.convolutions, strict=True):
            read, output = seen[f"{net}.{index}"]
            torch.testing.assert_close(found.input, read, **CLOSE)
            torch.testing.assert_close(found.output, output, **CLOSE)
            if found.norm is None:
                continue
            place = int(index) + (-2 if steps.pre else 1)
            before, after = seen[f"{net}.{place}"]
            norm, spread = found.norm, (slice(None), None, None)
            scaled = (before - norm.mean[spread]) / (norm.variance[spread] + norm.eps).sqrt()
            torch.testing.assert_close(scaled * norm.weight[spread] + norm.bias[spread], after, **CLOSE)
        if block:
            short = seen[f"{name}.downsample"][1] if f"{name}.downsample" in seen else steps.input
            torch.testing.assert_close(steps.shortcut, short, **CLOSE)
            torch.testing.assert_close(steps.sum, seen[net][1] + short, **CLOSE)
            torch.testing.assert_close(steps.sum if steps.pre else steps.sum.relu(), seen[name][1], **CLOSE)


@MODELS
def test_products_of_a_window_sum_to_the_output_of_torch(make):
    model, image = make(), picture()
    strides = set()
    for block in range(len(model.blocks) + 1):
        for found in convolution_steps(model, image, block).convolutions:
            strides.add(found.stride)
            channels, side = found.output.shape[0], found.output.shape[-1]
            for channel in (0, channels - 1):
                for row, column in ((0, 0), (0, side - 1), (side - 1, 0), (side - 1, side - 1), (2, 3)):
                    at = window(found, channel, row, column)
                    assert at.values.shape == at.products.shape == (found.input.shape[0], 3, 3)
                    torch.testing.assert_close(at.total, found.output[channel, row, column], **CLOSE)
                    torch.testing.assert_close(at.products.sum(dim=(1, 2)), at.sums, **CLOSE)
    assert strides == {1, 2}


def test_window_at_the_border_has_zeros_outside_of_the_input():
    found = convolution_steps(fresh(), picture(), 2).convolutions[0]  # stride 2
    assert found.stride == 2
    corner, inner = window(found, 0, 0, 0).values, window(found, 0, 1, 2).values
    assert corner[:, 0].abs().max() == corner[:, :, 0].abs().max() == 0
    torch.testing.assert_close(corner[:, 1:, 1:], found.input[:, :2, :2])
    torch.testing.assert_close(inner, found.input[:, 1:4, 3:6])


@MODELS
def test_head_gives_the_logits_of_the_model(make):
    model, image = make(), picture()
    output = convolution_steps(model, image, len(model.blocks)).output
    found = pooled_head(model, output)
    with torch.inference_mode():
        torch.testing.assert_close(found.logits, model(as_input(image, model))[0], **CLOSE)
    torch.testing.assert_close(found.pooled, output.mean(dim=(1, 2)), **CLOSE)


@pytest.mark.parametrize("name", ["resnet", "preactresnet"])
def test_output_depends_on_exactly_the_pixels_of_its_field(name):
    model = fresh(name)
    for block, index in ((0, 0), (1, 1), (2, 0), (3, 1)):
        found = convolution_steps(model, picture(), block).convolutions[index]
        step, low, high = found.field
        net = f"blocks.{block - 1}.net" if block else "input_net"
        layers = [i for i, m in model.get_submodule(net).named_children() if hasattr(m, "stride")]
        image = torch.rand(1, 3, 32, 32, requires_grad=True)
        seen = []
        handle = model.get_submodule(f"{net}.{layers[index]}").register_forward_hook(
            lambda _, args, output, seen=seen: seen.append(output)
        )
        model(image)
        handle.remove()
        row = seen[0].shape[-1] // 2
        seen[0][0, :, row].sum().backward()
        rows = image.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
        assert rows[0] >= max(0, step * row + low)
        assert rows[-1] <= min(31, step * row + high)
        if block == 0:
            assert (rows[0], rows[-1]) == (row - 1, row + 1)


def test_missing_block_other_models_and_training_mode_are_refused():
    model = fresh()
    with pytest.raises(UserError, match="no block 4"):
        convolution_steps(model, picture(), 4)
    with pytest.raises(UserError, match="ViT"):
        convolution_steps(build("vit").eval(), picture(), 1)
    with pytest.raises(RuntimeError, match="eval"):
        convolution_steps(model.train(), picture(), 0)


def test_model_keeps_no_hooks():
    model = fresh()
    convolution_steps(model, picture(), 1)
    assert not any(module._forward_hooks for module in model.modules())
