"""ResNets of timm and torchvision equal ours after the import: logits and feature maps."""

from __future__ import annotations

import json
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from tests.bundled import RESNET
from tests.command_line import check_refused, run
from tests.foreign_resnets import REAL, SMALL, ResNetCase, named, of_timm, with_small_stem
from vitcore.errors import UserError
from vitcore.exchange.checkpoint import import_checkpoint
from vitcore.exchange.families import About, Foreign, family_of, read, unwrapped
from vitcore.exchange.modules import convert
from vitcore.models import build, load_run
from vitcore.runs.folder import find_run, list_runs

TOLERANCE = 1e-5


def translated(state, about: About | None = None, **settings) -> Foreign:
    tensors = unwrapped(state)
    family = family_of(tensors)
    assert family is not None
    return read(family, tensors, about or About(), settings, "model.pt")


def ours(found: Foreign):
    """Return our network with the translated weights, which must be all of its weights and no others."""
    model = build("resnet", num_classes=found.classes, image_size=found.image_size, **found.options).eval()
    model.load_state_dict(found.tensors)
    return model


@torch.no_grad()
def check_equal(case: ResNetCase, size: int) -> None:
    found = translated(case.state)
    model, images = ours(found), torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    logits, maps = case.outputs(images)
    assert found.classes == case.classes
    assert (logits[0] - logits[1]).abs().max() > 0.01
    torch.testing.assert_close(model(images), logits, atol=TOLERANCE, rtol=0)
    for seen, wanted in zip(model.stages(images), maps, strict=True):
        assert wanted.std() > 0.2
        torch.testing.assert_close(seen, wanted, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("size", [64, 75])
def test_logits_and_feature_maps_equal_those_of_the_library(name, size):
    check_equal(SMALL[name](), size)


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("timm: resnet18", "timm: resnet50") else pytest.param(name, marks=pytest.mark.slow)
        for name in REAL
    ],
)
def test_resnet_of_real_size_equals_that_of_the_library(name):
    check_equal(REAL[name](), 224)


def test_epsilon_comes_from_the_module_and_from_the_settings():
    case = of_timm("BasicBlock")
    for module in case.model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 2e-3
    images = torch.randn(2, 3, 64, 64)
    found = convert(case.model, image_size=64)
    with torch.no_grad():
        wanted = case.model(images)
        torch.testing.assert_close(found.network(images), wanted, atol=TOLERANCE, rtol=0)
        other = ours(translated(case.state, norm_eps=2e-3))
        torch.testing.assert_close(other(images), wanted, atol=TOLERANCE, rtol=0)
        assert not torch.allclose(ours(translated(case.state))(images), wanted, atol=1e-3)


@pytest.mark.parametrize(
    "wrappers", ["module.", "_orig_mod.", "model.backbone.", "backbone.model._orig_mod.module.", "encoder."]
)
def test_names_of_wrappers_are_removed(wrappers):
    state = of_timm("Bottleneck").state
    plain, found = translated(state), translated({f"{wrappers}{k}": v for k, v in state.items()})
    assert found.options == plain.options
    assert all(torch.equal(found.tensors[name], value) for name, value in plain.tensors.items())


def test_file_without_counts_of_batches_is_complete():
    state = {k: v for k, v in of_timm("BasicBlock").state.items() if "num_batches" not in k}
    model = ours(translated(state))
    assert {int(v) for k, v in model.state_dict().items() if k.endswith("num_batches_tracked")} == {0}


def test_small_stem_is_reported_as_assumed():
    found = translated(with_small_stem().state)
    assert (found.image_size, found.assumed["stem"]) == (32, "3x3")
    assert translated(of_timm("BasicBlock").state).assumed.keys() == {"norm_eps"}


def repository(folder, model, **about):
    """Write a folder as a repository of timm on the Hub has it."""
    folder.mkdir()
    save_file(model.state_dict(), folder / "model.safetensors")
    config = {
        "architecture": "resnet50",
        "num_classes": 7,
        "num_features": 96,
        "global_pool": "avg",
        "label_names": [f"bird {i}" for i in range(7)],
        "pretrained_cfg": {
            "input_size": [3, 96, 96],
            "mean": [0.4, 0.5, 0.6],
            "std": [0.2, 0.3, 0.4],
            "crop_pct": 0.95,
            "interpolation": "bicubic",
        },
        **about,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_repository_of_timm_becomes_a_run_with_its_classes_and_preprocessing(tmp_path):
    case = of_timm("Bottleneck")
    found = import_checkpoint(repository(tmp_path / "bird_net", case.model))
    config, images = found.config, torch.randn(2, 3, 96, 96)
    assert (config.model, config.image_size, config.data) == ("resnet", 96, "photos")
    assert config.classes == tuple(f"bird {i}" for i in range(7))
    pixels = config.preprocessing
    assert (pixels.mean, pixels.std) == ((0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
    assert (pixels.crop, pixels.interpolation) == (0.95, "bicubic")
    with torch.no_grad():
        torch.testing.assert_close(load_run(found)(images), case.model(images), atol=TOLERANCE, rtol=0)


def test_resnet_of_torchvision_has_the_usual_preprocessing_and_the_classes_of_imagenet(tmp_path):
    import torchvision

    wanted = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
    torch.save(torchvision.models.resnet18().state_dict(), tmp_path / "resnet18.pth")
    config = import_checkpoint(tmp_path / "resnet18.pth").config
    expected = wanted.transforms()
    pixels = config.preprocessing
    assert config.image_size == expected.crop_size[0]
    assert (list(pixels.mean), list(pixels.std)) == (expected.mean, expected.std)
    assert pixels.crop == expected.crop_size[0] / expected.resize_size[0]
    assert pixels.interpolation == expected.interpolation.value
    assert config.classes
    assert list(config.classes)[:134] == wanted.meta["categories"][:134]


def test_own_weights_of_this_layout_are_read_from_their_shapes(tmp_path):
    """A file under our names, such as best.safetensors of a run, is imported with --model."""
    found = translated(of_timm("Bottleneck", base_width=128).state)
    save_file({k: v.contiguous() for k, v in found.tensors.items()}, tmp_path / "ours.safetensors")
    done = run("import", tmp_path / "ours.safetensors", "--model", "resnet")
    check_refused(done, "ours.safetensors", "7 classes")
    full = build("resnet", **found.options)
    save_file(full.state_dict(), tmp_path / "ten.safetensors")
    ten = import_checkpoint(tmp_path / "ten.safetensors", model="resnet")
    assert ten.config.options == build("resnet", **found.options).built_from.options
    assert all(torch.equal(load_file(ten.best)[k], v) for k, v in full.state_dict().items())


def timm_named(name: str):
    return lambda: named("timm", name).model


def of_group_norm():
    from timm.layers import GroupNorm

    return of_timm("BasicBlock", norm_layer=partial(GroupNorm, num_groups=2)).model


def with_larger_head():
    model = of_timm("BasicBlock").model
    model.fc = torch.nn.Sequential(torch.nn.Linear(24, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    return model


REFUSED = {
    "ResNet-D": (timm_named("resnet26d"), ["8 blocks", "ResNet-D", "conv1.0.weight"]),
    "squeeze and excitation": (timm_named("seresnet18"), ["8 blocks", "attention", "layer1.0.se.fc1.weight"]),
    "efficient channel attention": (timm_named("ecaresnet26t"), ["not supported"]),
    "groups": (
        lambda: of_timm("Bottleneck", channels=(32, 32, 32, 32), cardinality=4).model,
        ["5 blocks", "4 groups", "ResNeXt"],
    ),
    "group norm": (of_group_norm, ["5 blocks", "running_mean"]),
    "larger head": (with_larger_head, ["5 blocks", "fc.0.weight"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_resnet_that_does_not_fit_is_refused_with_what_is_missing(name, tmp_path):
    make, words = REFUSED[name]
    torch.save(make().state_dict(), tmp_path / "model.pt")
    check_refused(run("import", tmp_path / "model.pt"), "model.pt", *words)
    assert list_runs(bundled=False) == []


@pytest.mark.parametrize(
    ("about", "word"),
    [
        ({"architecture": "resnetblur50"}, "resnetblur50"),
        ({"architecture": "resnetaa50"}, "resnetaa50"),
        ({"global_pool": "catavgmax"}, "catavgmax"),
        ({"num_features": 2048}, "2048"),
    ],
)
def test_config_of_another_resnet_is_refused(about, word, tmp_path):
    """The weights of anti-aliased ResNets have the same names and shapes."""
    folder = repository(tmp_path / "net", of_timm("Bottleneck").model, **about)
    check_refused(run("import", folder), "model.safetensors", word)
    assert list_runs(bundled=False) == []


@pytest.mark.parametrize("shape", [(), (3,), (3, 5), (2, 3, 0, 0)])
def test_tensor_of_any_other_shape_is_refused_in_one_sentence(shape):
    state = of_timm("Bottleneck", layers=(1, 1, 1, 1)).state
    for name, value in state.items():
        if value.shape != shape:
            with pytest.raises(UserError, match=r"^model\.pt is a ResNet"):
                translated({**state, name: torch.zeros(shape)})


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_module_in_memory_is_converted(library):
    case, images = named(library, "resnet18"), torch.randn(2, 3, 64, 64)
    found = convert(case.model, image_size=64)
    assert found.pixels_known == (library == "timm")
    with torch.no_grad():
        torch.testing.assert_close(found.network(images), case.model(images), atol=TOLERANCE, rtol=0)


def test_antialiased_module_in_memory_is_refused():
    module = named("timm", "resnetblur18").model
    with pytest.raises(UserError, match="anti-aliased"):
        convert(module, image_size=64)
    del module.pretrained_cfg  # otherwise it says what it is
    with pytest.raises(UserError, match="outputs differ"):
        convert(module, image_size=64)


@torch.no_grad()
def test_bundled_resnet_has_the_logits_of_the_plain_functions_bit_for_bit():
    """Options for ImageNet came later: the network of CIFAR still runs the same operations in this order."""
    resnet = find_run(RESNET)
    model, state = load_run(resnet), {k: v.float() for k, v in load_file(resnet.best).items()}
    images = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(3))

    def norm(x, name):
        parts = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *parts, eps=1e-5)

    x = F.relu(norm(F.conv2d(images, state["input_net.0.weight"], padding=1), "input_net.1"))
    for i in range(9):
        block, stride = f"blocks.{i}", 2 if i in (3, 6) else 1
        y = F.relu(
            norm(F.conv2d(x, state[f"{block}.net.0.weight"], stride=stride, padding=1), f"{block}.net.1")
        )
        y = norm(F.conv2d(y, state[f"{block}.net.3.weight"], padding=1), f"{block}.net.4")
        if stride == 2:
            x = F.conv2d(x, state[f"{block}.downsample.weight"], state[f"{block}.downsample.bias"], stride=2)
        x = F.relu(y + x)
    logits = F.linear(
        F.adaptive_avg_pool2d(x, 1).flatten(1), state["output_net.2.weight"], state["output_net.2.bias"]
    )
    assert torch.equal(model(images), logits)
    assert set(resnet.config.options) == {"c_hidden", "num_blocks"}
