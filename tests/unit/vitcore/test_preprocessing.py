"""Every model gets its images with its own mean, standard deviation, filter and crop."""

from __future__ import annotations

import shlex

import numpy as np
import pytest
import torch
import yaml
from PIL import Image, ImageOps
from timm.data.transforms_factory import create_transform
from torchvision.transforms import functional as reference

from tests.made_runs import make_run
from vitcore.analysis.attention import capture
from vitcore.analysis.tokens import read_tokens
from vitcore.cli.settings import parse_settings
from vitcore.config import Config, dump_config, make_config, read_config
from vitcore.data.augment import augment
from vitcore.data.datasets import Split
from vitcore.data.images import padded, square
from vitcore.errors import UserError
from vitcore.models import build_for, load_run
from vitcore.models.evaluate import evaluate
from vitcore.preprocessing import Preprocessing, attach, preprocessing_of
from vitcore.probes import PROBES
from vitcore.probes.store import Subject
from vitcore.runs.titles import launch_command

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
SMALL = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 2, "patch_size": 8}
PIXELS = np.random.default_rng(5).integers(0, 256, (6, 3, 32, 32), dtype=np.uint8)


def noise(size):
    """An image of random pixels. size: width, height"""
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def by_hand(pixels):
    """The images normalized for ImageNet, by torchvision. -> float [N, 3, S, S]"""
    return reference.normalize(torch.from_numpy(pixels) / 255, IMAGENET["mean"], IMAGENET["std"])


@pytest.fixture
def imagenet_run(tmp_path):
    return make_run(tmp_path / "runs", "foreign", preprocessing=IMAGENET, **SMALL)


@pytest.mark.parametrize("name", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("crop", [0.875, 0.9, 0.95, 1.0])
@pytest.mark.parametrize("size", [(300, 200), (200, 300), (90, 41), (64, 64), (1000, 999)])
@pytest.mark.parametrize("side", [32, 224])
def test_center_square_is_that_of_timm(name, crop, size, side):
    image = noise(size)
    transform = create_transform((3, side, side), interpolation=name, crop_pct=crop, mean=0, std=1)
    ours = square(image, side, preprocessing=Preprocessing(interpolation=name, crop=crop))
    assert np.array_equal(ours, (255 * transform(image)).round().numpy())


@pytest.mark.parametrize("edge", [236, 256, 272, 500])
def test_center_square_is_that_of_torchvision_for_any_edge(edge):
    image = noise((640, 480))
    ours = square(image, 224, preprocessing=Preprocessing(interpolation="bicubic", crop=224 / edge))
    resized = reference.resize(image, edge, reference.InterpolationMode.BICUBIC)
    assert np.array_equal(ours.transpose(1, 2, 0), reference.center_crop(resized, [224, 224]))


@pytest.mark.parametrize("size", [(90, 40), (33, 71)])
@pytest.mark.parametrize("end", [0, 1])
def test_square_can_be_at_either_end(size, end):
    image = noise(size)
    resized = np.asarray(reference.resize(image, 32, reference.InterpolationMode.LANCZOS))
    expected = resized[-32:, -32:] if end else resized[:32, :32]
    assert np.array_equal(square(image, 32, end).transpose(1, 2, 0), expected)


def test_square_of_a_narrow_image_is_cut_out_before_it_is_resized():
    image = noise((6000, 60))  # 102,400 x 1,024 pixels if it were resized as a whole
    at_end = ImageOps.fit(image, (1024, 1024), Image.Resampling.LANCZOS, centering=(1, 1))
    assert np.array_equal(square(image, 1024, 1).transpose(1, 2, 0), np.asarray(at_end))


def test_padding_has_the_mean_color_of_the_model():
    shown = padded(Image.new("RGB", (40, 10)), 40, Preprocessing(**IMAGENET))
    assert shown[:, 0, 0].tolist() == [124, 116, 104]


def test_model_of_a_run_normalizes_with_its_own_mean(imagenet_run):
    model = load_run(imagenet_run)
    assert preprocessing_of(model) == Preprocessing(**IMAGENET)
    expected = model(by_hand(PIXELS))
    assert torch.allclose(capture(model, torch.from_numpy(PIXELS)).logits, expected, atol=1e-5)
    assert torch.allclose(evaluate(model, Split(PIXELS, np.zeros(6, int))).logits, expected, atol=1e-5)
    tokens, positions = read_tokens(
        imagenet_run.best, imagenet_run.config.options, PIXELS[0], imagenet_run.config.preprocessing
    )
    assert np.allclose(tokens + positions, model.embed(by_hand(PIXELS[:1]))[0].detach(), atol=1e-5)


@pytest.mark.parametrize("policy", ["none", "shift", "tutorial"])
def test_augmented_images_have_the_normalization_of_the_configuration(policy):
    batch = torch.from_numpy(
        np.repeat(PIXELS[:, :1, :1, :1], 32, axis=2).repeat(32, axis=3).repeat(3, axis=1)
    )
    found = augment(batch, policy, 0, 0, np.arange(6), Preprocessing(**IMAGENET))
    assert torch.allclose(found, by_hand(batch.numpy()), atol=1e-5)  # plain images look the same when moved


def test_fill_color_of_the_augmentation_becomes_zero():
    batch = torch.full((64, 3, 32, 32), 255, dtype=torch.uint8)
    how = Preprocessing(mean=(0.2, 0.4, 0.6), std=(1, 1, 1))  # 51, 102 and 153 of 255
    found = augment(batch, "trivial", 0, 0, np.arange(64), how)
    rotated = ((found - torch.tensor([0.8, 0.6, 0.4]).view(3, 1, 1)).abs() > 1e-6).all(dim=1)
    corners = found[:, :, 0, 0][rotated[:, 0, 0]]
    assert (corners.abs().sum(dim=1) < 1e-6).any()


@pytest.mark.parametrize("name", [probe.name for probe in PROBES.values() if probe.live])
def test_live_images_are_normalized_for_each_model(name):
    torch.manual_seed(0)
    models = [torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 4)).eval() for _ in range(2)]
    attach(models[1], Preprocessing(**IMAGENET))
    frames = PROBES[name].live.frames(models, torch.from_numpy(PIXELS[:1]), "reflect")
    seen = frames.pictures[-1]
    assert np.array_equal(seen[frames.start], PIXELS[0])
    with torch.inference_mode():
        expected = models[1](by_hand(seen)).softmax(dim=1)
    assert np.allclose(frames.probabilities[1], expected, atol=5e-3)  # pictures are rounded


def test_results_belong_to_the_preprocessing(tmp_path):
    runs = [
        make_run(tmp_path / name, "run", **SMALL, **({} if name == "a" else {"preprocessing": IMAGENET}))
        for name in "ab"
    ]
    assert runs[0].best.read_bytes() == runs[1].best.read_bytes()
    for untrained in (False, True):
        digests = {Subject(run, untrained).digest for run in runs}
        assert len(digests) == 2


def test_configuration_without_preprocessing_has_the_values_of_earlier_versions(tmp_path):
    values = yaml.safe_load(dump_config(make_config()))
    del values["preprocessing"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    config = read_config(tmp_path / "config.yaml")
    assert config == make_config()
    assert config.preprocessing.mean == (0.49139968, 0.48215841, 0.44653091)
    assert (config.preprocessing.interpolation, config.preprocessing.crop) == ("lanczos", 1)


def test_preprocessing_is_kept_in_files_and_in_commands(tmp_path):
    config = make_config(preprocessing={**IMAGENET, "interpolation": "bicubic", "crop": 0.9})
    (tmp_path / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    assert read_config(tmp_path / "config.yaml") == config
    words = shlex.split(launch_command(config))
    given = parse_settings([words[words.index("--set") + 1]])
    assert make_config(**given) == config


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mean": (0, 2, 0)}, ["preprocessing.mean.1", "2", "at most 1"]),
        ({"std": (1, 0, 1)}, ["preprocessing.std.1", "more than 0"]),
        ({"interpolation": "cubic"}, ["cubic", "bicubic"]),
        ({"crop": 0}, ["preprocessing.crop", "0.1"]),
    ],
)
def test_invalid_preprocessing_is_refused_in_one_sentence(values, words):
    with pytest.raises(UserError) as caught:
        make_config(preprocessing=values)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_images_up_to_1024_pixels_are_configurable():
    config = Config(data="folder:/x", image_size=1024, options={"patch_size": 16})
    assert config.image_size == 1024
    with torch.device("meta"):
        assert build_for(config).grid == 64
    with pytest.raises(UserError, match="1,024"):
        make_config(data="folder:/x", image_size=1025)
