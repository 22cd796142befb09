"""The convolutional stem against its published layout, and what analyses say about it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.made_runs import make_run
from vitcore.analysis.inside import patch_filters
from vitcore.analysis.layers import bounds
from vitcore.analysis.tokens import read_tokens
from vitcore.config import dump_config, make_config
from vitcore.errors import UserError
from vitcore.exchange.shapes import read_shapes
from vitcore.models import build, count_parameters, shapes_of
from vitcore.networks.stem import ConvStem

SMALL = {"embed_dim": 32, "hidden_dim": 48, "num_heads": 4, "num_layers": 2}


def test_stem_computes_the_published_layers():
    """Xiao et al. 2021: 3x3 convolutions of stride 2 with batch norm and ReLU, then a 1x1 convolution."""
    torch.manual_seed(0)
    stem, images = ConvStem(3, 16, 8), torch.randn(2, 3, 32, 32)
    for norm in (stem[1], stem[4], stem[7]):
        torch.nn.init.normal_(norm.running_mean)
        torch.nn.init.uniform_(norm.running_var, 0.5, 2)
    state, x = stem.eval().state_dict(), images
    for i, width in ((0, 4), (3, 8), (6, 16)):
        assert state[f"{i}.weight"].shape[0] == width
        x = F.conv2d(x, state[f"{i}.weight"], stride=2, padding=1)
        norm = (state[f"{i + 1}.{name}"] for name in ("running_mean", "running_var", "weight", "bias"))
        x = F.batch_norm(x, *norm).relu()
    x = torch.einsum("bchw,dc->bhwd", x, state["9.weight"][:, :, 0, 0]) + state["9.bias"]
    assert torch.allclose(stem(images), x.reshape(2, 16, 16), atol=1e-5)


def test_stem_of_the_tutorials_vit_has_the_parameters_of_its_layers():
    """Instead of 48 x 256 weights and 256 biases: two convolutions with batch norm, and one of 1x1."""
    stem = 27 * 128 + 2 * 128 + 9 * 128 * 256 + 2 * 256 + 256 * 256 + 256
    plain, with_stem = build("vit"), build("vit", conv_stem=True)
    assert count_parameters(with_stem) == count_parameters(plain) - (48 * 256 + 256) + stem


@pytest.mark.parametrize("patch_size", [1, 2, 4, 16])
def test_options_of_a_vit_with_a_stem_are_read_off_its_shapes(patch_size):
    model = build("vit", **SMALL, patch_size=patch_size, conv_stem=True)
    shapes = dict(sorted(shapes_of(model.state_dict()).items()))  # in the order of safetensors
    found = read_shapes("vit", shapes)
    assert found is not None
    assert (found.options["conv_stem"], found.options["patch_size"]) == (True, patch_size)
    assert (found.options["embed_dim"], found.image_size) == (32, 32)
    rebuilt = build("vit", **{**found.options, "num_heads": 4})
    assert shapes_of(rebuilt.state_dict()) == shapes_of(model.state_dict())


def test_configurations_without_a_stem_stay_as_they_were():
    assert "conv_stem" not in dump_config(make_config())
    with pytest.raises(UserError, match="power of two, not 6"):
        make_config(conv_stem=True, patch_size=6, image_size=36, data="folder:x")


def test_receptive_field_of_the_first_layer_is_that_of_the_convolutions():
    """Two 3x3 convolutions of stride 2: token i depends on the pixels 4 i - 3 to 4 i + 3."""
    model = build("vit", **SMALL, patch_size=4, conv_stem=True).eval()
    boxes = bounds(model, 32, (9, 16))
    assert boxes[0] == (5, 13, 11, 19)
    assert boxes[1] == (0, 0, 31, 31)
    images = torch.zeros(1, 3, 32, 32, requires_grad=True)
    for norm in (model.input_layer[1], model.input_layer[4]):
        torch.nn.init.ones_(norm.bias)  # no ReLU hides a pixel
    model.patches(images)[0, 2 * 8 + 4].abs().sum().backward()
    seen = images.grad[0].abs().sum(dim=0).nonzero()
    assert seen.min(dim=0).values.tolist() == [5, 13]
    assert seen.max(dim=0).values.tolist() == [11, 19]


def test_steps_that_need_a_linear_projection_are_refused_in_a_sentence(tmp_path):
    run = make_run(tmp_path, "stem", **SMALL, patch_size=8, conv_stem=True)
    with pytest.raises(UserError, match="convolutions"):
        read_tokens(run.weights, run.config.options, np.zeros((3, 32, 32), np.uint8))
    with pytest.raises(UserError, match="convolutions"):
        patch_filters(build("vit", **SMALL, patch_size=8, conv_stem=True))
