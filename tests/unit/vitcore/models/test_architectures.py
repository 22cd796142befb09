"""Every architecture: counts, shapes, gradients, learning, saving; parts against other libraries.
other libraries.
"""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load, save

from tests.conftest import ROOT
from tests.published_names import SHAPES
from vitcore.architectures import ARCHITECTURES, RECIPE_NAMES
from vitcore.models import build, count_parameters, weights_of

PUBLISHED = {
    "vit": 3_195_146,
    "resnet": 272_378,
    "preactresnet": 272_250,
    "googlenet": 260_650,
    "densenet": 239_146,
}
SMALL = {
    "vit": {"embed_dim": 32, "hidden_dim": 48, "num_heads": 4, "num_layers": 3, "patch_size": 8},
    "mixer": {"embed_dim": 32, "token_dim": 16, "channel_dim": 48, "num_layers": 3, "patch_size": 8},
    "cct": {"embed_dim": 32, "hidden_dim": 48, "num_heads": 4, "num_layers": 3, "patch_size": 4},
    "resnet": {"c_hidden": [8, 16], "num_blocks": [1, 1]},
    "preactresnet": {"c_hidden": [8, 16], "num_blocks": [2, 1]},
    "googlenet": {},
    "densenet": {"num_layers": [2, 2], "growth_rate": 8},
}
BOTTLENECK = {"stem": "7x7", "block": "bottleneck", "shortcut": "conv_norm", "c_stem": 12}
CASES = [
    *((name, SMALL.get(name, {})) for name in ARCHITECTURES),
    ("vit", {**SMALL["vit"], "pool": "mean"}),
    ("resnet", {**SMALL["resnet"], **BOTTLENECK}),
]
ids = [
    name + "".join(f"-{options[key]}" for key in ("pool", "block") if key in options)
    for name, options in CASES
]


def test_registry_matches_the_folder():
    files = {path.stem for path in (ROOT / "vitcore" / "architectures").glob("[a-z]*.py")}
    assert set(ARCHITECTURES) == files >= set(SMALL)
    assert len({a.color for a in ARCHITECTURES.values()}) == len(ARCHITECTURES)
    assert all(set(ARCHITECTURES[name].recipes) == set(RECIPE_NAMES) for name in SMALL)


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_published_parameter_counts(name, count):
    assert count_parameters(build(name)) == count


def test_mixer_is_smaller_than_the_vit_and_has_the_stated_parameter_count():
    count = count_parameters(build("mixer"))
    assert count < PUBLISHED["vit"]
    assert f"{count:,}" in (ROOT / "vitcore/architectures/mixer.py").read_text()


@pytest.mark.parametrize(("name", "options"), CASES, ids=ids)
@pytest.mark.parametrize("size", [32, 64])
def test_shapes(name, options, size):
    model = build(name, num_classes=7, image_size=size, **options).eval()
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        assert model(images).shape == (2, 7)
        if hasattr(model, "stages"):
            maps = model.stages(images)
            assert torch.equal(model.head(maps[-1]), model(images))
            assert all(a.shape[-1] == 2 * b.shape[-1] for a, b in itertools.pairwise(maps))


@pytest.mark.parametrize(("name", "options"), CASES, ids=ids)
def test_every_parameter_has_a_gradient_and_a_few_images_are_learned(name, options):
    torch.manual_seed(0)
    model = build(name, **options).train()
    images, labels = torch.randn(10, 3, 32, 32), torch.arange(10)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for step in range(200):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        if step == 0:
            silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
            # a bias in front of a batch normalization is subtracted again
            assert not [n for n in silent if not (name == "googlenet" and n.endswith("bias"))]
        optimizer.step()
        if loss < 0.5:
            return
    raise AssertionError(f"loss {loss:.2f} after 200 steps")


@pytest.mark.parametrize(("name", "options"), CASES, ids=ids)
def test_weights_survive_saving_and_loading(name, options):
    torch.manual_seed(0)
    model, other = build(name, **options), build(name, **options)
    images = torch.randn(4, 3, 32, 32)
    model.train()(images)  # moves the running statistics
    other.load_state_dict(load(save(weights_of(model))))
    assert torch.equal(model.eval()(images), other.eval()(images))


def test_preactivation_block_equals_timm():
    from timm.models.resnetv2 import PreActBasic

    from vitcore.networks.resnet import PreActResNetBlock

    torch.manual_seed(0)
    norm = lambda channels, **_: torch.nn.Sequential(torch.nn.BatchNorm2d(channels), torch.nn.ReLU())  # noqa: E731
    reference = PreActBasic(
        8,
        8,
        bottle_ratio=1.0,
        conv_layer=lambda *a, **k: torch.nn.Conv2d(*a, **{"padding": 1, "bias": False, **k}),
        norm_layer=norm,
    )
    ours = PreActResNetBlock(8, 8, subsample=False)
    ours.net[0].load_state_dict(reference.norm1[0].state_dict())
    ours.net[2].load_state_dict(reference.conv1.state_dict())
    ours.net[3].load_state_dict(reference.norm2[0].state_dict())
    ours.net[5].load_state_dict(reference.conv2.state_dict())
    x = torch.randn(2, 8, 6, 6)
    assert torch.allclose(ours(x), reference(x), atol=1e-5)


def test_dense_layer_equals_torchvision():
    from torchvision.models.densenet import _DenseLayer

    from vitcore.networks.densenet import DenseLayer

    torch.manual_seed(0)
    ours, reference = DenseLayer(12, 2, 4), _DenseLayer(12, growth_rate=4, bn_size=2, drop_rate=0.0)
    for i, name in ((0, "norm1"), (2, "conv1"), (3, "norm2"), (5, "conv2")):
        ours.net[i].load_state_dict(getattr(reference, name).state_dict())
    x = torch.randn(2, 12, 8, 8)
    out = ours(x)
    # The new features come first, as in the tutorial
    assert torch.allclose(out[:, :4], reference(x), atol=1e-5)
    assert torch.equal(out[:, 4:], x)


def test_mixer_block_equals_timm():
    from timm.models.mlp_mixer import MixerBlock as ReferenceBlock

    from vitcore.networks.mixer import MixerBlock

    torch.manual_seed(0)
    ours = MixerBlock(16, 32, 8, 48, 0.0)
    reference = ReferenceBlock(32, 16, mlp_ratio=(0.25, 1.5), norm_layer=torch.nn.LayerNorm)
    pairs = {"norm1": "layer_norm_1", "norm2": "layer_norm_2"}
    pairs |= {"mlp_tokens.fc1": "tokens.0", "mlp_tokens.fc2": "tokens.2"}
    pairs |= {"mlp_channels.fc1": "channels.0", "mlp_channels.fc2": "channels.2"}
    for there, here in pairs.items():
        ours.get_submodule(here).load_state_dict(reference.get_submodule(there).state_dict())
    x = torch.randn(2, 16, 32)
    assert torch.allclose(ours(x), reference(x), atol=1e-6)


def test_inception_block_equals_four_explicit_branches():
    """torchvision's 5x5 branch has a 3x3 kernel by mistake, so this is compared with plain functions."""
    from vitcore.networks.googlenet import InceptionBlock

    torch.manual_seed(0)
    block = InceptionBlock(6, 2, (3, 4), (2, 5), 3).eval()
    state = block.state_dict()
    x = torch.randn(2, 6, 9, 9)

    def layer(y, branch, i, padding=0):
        y = F.conv2d(y, state[f"{branch}.{i}.weight"], state[f"{branch}.{i}.bias"], padding=padding)
        names = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(y, *(state[f"{branch}.{i + 1}.{n}"] for n in names)).relu()

    branches = [
        layer(x, "conv_1x1", 0),
        layer(layer(x, "conv_3x3", 0), "conv_3x3", 3, padding=1),
        layer(layer(x, "conv_5x5", 0), "conv_5x5", 3, padding=2),
        layer(F.max_pool2d(x, 3, 1, 1), "max_pool", 1),
    ]
    assert torch.allclose(block(x), torch.cat(branches, dim=1), atol=1e-6)


@pytest.mark.parametrize(("name", "shapes"), SHAPES.items())
def test_names_and_shapes_are_the_published_ones(name, shapes):
    assert {key: tuple(value.shape) for key, value in build(name).state_dict().items()} == shapes
