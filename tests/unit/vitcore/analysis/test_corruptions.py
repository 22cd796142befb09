"""Common corruptions against formulas by hand, Pillow, and published parameters."""

from __future__ import annotations

import colorsys
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from vitcore.analysis.corruptions import CORRUPTIONS, corrupted, disk_kernel, plasma
from vitcore.data.augment import normalize
from vitcore.data.datasets import load_dataset
from vitcore.probes import PROBES
from vitcore.probes.experiments.corruptions import ALL, KINDS

DATA = load_dataset("cifar10-mini").test
PIXELS = torch.from_numpy(np.asarray(DATA.images[:20]))
LABELS = DATA.labels[:20]
SAMPLES = np.arange(20)


def picture(image):
    """Return an image uint8 [3, S, S] of torch as a picture of Pillow."""
    return Image.fromarray(image.permute(1, 2, 0).numpy())


def test_probe_has_the_corruptions_that_are_computed():
    assert tuple(CORRUPTIONS) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_severity_zero_changes_nothing_and_an_image_has_its_own_noise(kind):
    assert torch.equal(corrupted(PIXELS, kind, 0, SAMPLES), PIXELS)
    changed = corrupted(PIXELS, kind, 3, SAMPLES)
    assert changed.dtype == torch.uint8
    assert changed.shape == PIXELS.shape
    assert not torch.equal(changed, PIXELS)
    assert torch.equal(corrupted(PIXELS[7:9], kind, 3, SAMPLES[7:9]), changed[7:9])


@pytest.mark.parametrize(
    ("side", "spreads"), [(32, (0.04, 0.06, 0.08, 0.09, 0.1)), (64, (0.08, 0.12, 0.18, 0.26, 0.38))]
)
def test_gaussian_noise_on_gray_has_the_published_standard_deviation(side, spreads):
    gray = torch.full((16, 3, side, side), 128, dtype=torch.uint8)
    for severity, spread in enumerate(spreads[:3], start=1):  # stronger noise is clipped at black and white
        noise = corrupted(gray, "Gaussian noise", severity, np.arange(16)).numpy() / 255
        assert noise.std() == pytest.approx(spread, rel=0.02)


def test_shot_noise_has_the_mean_and_the_variance_of_a_poisson_count():
    shot = CORRUPTIONS["shot noise"]
    assert shot.small == (500, 250, 100, 75, 50)
    for photons in (*shot.small, *shot.large):
        # before it is cut to integers, which would correlate with the count
        noise = shot.apply(np.full((128, 128, 3), 0.2), photons, np.random.default_rng(0))
        assert noise.mean() == pytest.approx(0.2, rel=0.02)
        assert noise.var() == pytest.approx(0.2 / photons, rel=0.05)


def test_brightness_adds_to_the_value_in_hsv():
    changed = corrupted(PIXELS[:2], "brightness", 5, SAMPLES[:2])
    for image, found in zip(PIXELS[:2], changed, strict=True):
        for pixel, seen in zip(image.flatten(1).T.tolist(), found.flatten(1).T.tolist(), strict=True):
            hue, saturation, value = colorsys.rgb_to_hsv(*(c / 255 for c in pixel))
            expected = colorsys.hsv_to_rgb(hue, saturation, min(value + 0.3, 1))
            assert np.allclose(seen, 255 * np.array(expected), atol=1)
    black = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    assert (corrupted(black, "brightness", 5, SAMPLES[:1]) == int(0.3 * 255)).all()


def test_contrast_scales_the_distance_from_the_mean_by_hand():
    image = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    image[..., 16:] = 200  # the mean is 100
    changed = corrupted(image, "contrast", 5, SAMPLES[:1])  # by 0.15
    assert changed[0, 0, 0].unique().tolist() == [85, 115]


def test_jpeg_and_pixelate_equal_pillow():
    for severity, quality in enumerate((80, 65, 58, 50, 40), start=1):
        changed = corrupted(PIXELS, "JPEG", severity, SAMPLES)
        for image, found in zip(PIXELS, changed, strict=True):
            file = io.BytesIO()
            picture(image).save(file, "JPEG", quality=quality)
            assert np.array_equal(np.asarray(Image.open(file)), found.permute(1, 2, 0))
    changed = corrupted(PIXELS, "pixelate", 5, SAMPLES)  # 20 x 20 pixels
    small = picture(PIXELS[0]).resize((20, 20), Image.Resampling.BOX)
    expected = small.resize((32, 32), Image.Resampling.BOX)
    assert np.array_equal(np.asarray(expected), changed[0].permute(1, 2, 0))


def test_defocus_of_a_point_is_the_disk_and_keeps_a_constant_image():
    gray = torch.full((1, 3, 64, 64), 90, dtype=torch.uint8)
    assert (corrupted(gray, "defocus blur", 3, SAMPLES[:1]) == 90).all()
    point = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    point[..., 32, 32] = 255
    spot = corrupted(point, "defocus blur", 1, SAMPLES[:1])[0, 0]  # radius 3 has 29 pixels
    assert int((spot > 0).sum()) == 29
    assert spot[32, 29:36].tolist() == [255 // 29] * 7
    assert spot[32, 28] == spot[29, 31] == 0
    for radius, spread in ((0.3, 0.4), (1, 0.2), (1.5, 0.1), (6, 0.5)):
        assert disk_kernel(radius, spread).sum() == pytest.approx(1)


def test_fog_of_a_black_image_is_black_and_its_clouds_range_from_zero_to_one():
    clouds = plasma(32, 3.0, np.random.default_rng(0))
    assert clouds.shape == (32, 32)
    assert (clouds.min(), clouds.max()) == (0, 1)
    assert np.unique(clouds).size > 1000
    black = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    assert (corrupted(black, "fog", 5, SAMPLES[:1]) == 0).all()
    white = torch.full((1, 3, 32, 32), 255, dtype=torch.uint8)
    hazy = corrupted(white, "fog", 1, SAMPLES[:1])  # (1 + 0.2 clouds) / 1.2
    assert (int(hazy.min()), int(hazy.max())) == (int(255 / 1.2), 255)


class Constant(nn.Module):
    """A model that predicts class 3 for every image."""

    def forward(self, images):
        return nn.functional.one_hot(torch.full((len(images),), 3), 10).float()


class Brightest(nn.Module):
    """A model that depends on the pixels: the class is a digit of the mean."""

    def forward(self, images):
        return nn.functional.one_hot((100 * images.mean(dim=(1, 2, 3)).abs()).long() % 10, 10).float()


def test_probe_equals_predictions_on_corrupted_images_and_a_constant_model_keeps_its_accuracy():
    probe = PROBES["corruptions"]
    *_, (done, values) = probe.steps(Constant(), None, PIXELS, LABELS, {})
    assert done == len(PIXELS)
    for curve in values.curves.values():
        assert curve.mean == pytest.approx([(LABELS == 3).mean()] * 6, abs=1e-6)
    model = Brightest()
    *_, (_, values) = probe.steps(model, None, PIXELS, LABELS, {})
    means = []
    for kind in KINDS:
        hits = [
            (model(normalize(corrupted(PIXELS, kind, severity, SAMPLES))).argmax(1).numpy() == LABELS).mean()
            for severity in range(6)
        ]
        assert values.curves[f"accuracy, {kind}"].mean == pytest.approx(hits, abs=1e-6)
        means.append(hits)
    assert values.curves[f"accuracy, {ALL}"].mean == pytest.approx(np.mean(means, axis=0), abs=1e-6)
