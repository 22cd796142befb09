"""TrivialAugment against torchvision's functions, operation by operation; MixUp and CutMix against
their definitions.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from vitcore.data import load_dataset
from vitcore.data.augment import augment, uniforms
from vitcore.data.datasets import Split
from vitcore.data.loader import make_loader
from vitcore.data.mixing import beta, draw_mix, mix
from vitcore.data.trivial_augment import BINS, FILL, GEOMETRIC, OPERATIONS, choices, trivial_augment

NAMES = list(OPERATIONS)
PHOTOS = torch.from_numpy(load_dataset("cifar10-mini").train.images[: 2 * BINS])
LABELS = load_dataset("cifar10-mini").train.labels[: 2 * BINS]
STRENGTH = np.tile(np.linspace(0, 1, BINS), 2)
SIGN = np.repeat([1.0, -1.0], BINS)


def reference(name: str, image: torch.Tensor, s: float, sign: float) -> torch.Tensor:
    """torchvision's function for one image, with the ranges of the paper's RA space."""
    bilinear = {"interpolation": InterpolationMode.BILINEAR, "fill": list(map(float, FILL))}
    affine = lambda angle=0.0, shift=(0, 0), shear=(0.0, 0.0): tv.affine(  # noqa: E731
        image, angle, list(shift), 1.0, list(shear), **bilinear
    )
    tilt = math.degrees(math.atan(0.3 * s * sign))
    moved = {
        "identity": lambda: image,
        "rotate": lambda: tv.rotate(image, 30 * s * sign, **bilinear),
        "shear_x": lambda: affine(shear=(tilt, 0.0)),
        "shear_y": lambda: affine(shear=(0.0, tilt)),
        "brightness": lambda: tv.adjust_brightness(image, 1 + 0.9 * s * sign),
        "color": lambda: tv.adjust_saturation(image, 1 + 0.9 * s * sign),
        "contrast": lambda: tv.adjust_contrast(image, 1 + 0.9 * s * sign),
        "sharpness": lambda: tv.adjust_sharpness(image, 1 + 0.9 * s * sign),
        "posterize": lambda: tv.posterize(image, 8 - round(4 * s)),
        "solarize": lambda: tv.solarize(image, 255 * (1 - s)),
        "autocontrast": lambda: tv.autocontrast(image),
        "equalize": lambda: tv.equalize(image),
    }
    return moved[name]()


@pytest.mark.parametrize("name", [n for n in NAMES if not n.startswith("shift")])
def test_each_operation_equals_torchvision_image_by_image(name):
    draw = np.stack(
        [np.full(62, (NAMES.index(name) + 0.5) / len(NAMES)), STRENGTH * 0.99, (1 - SIGN) / 2], axis=1
    )
    ours = trivial_augment(PHOTOS, draw)
    assert ours.dtype == torch.uint8
    steps = np.floor(draw[:, 1] * BINS) / (BINS - 1)
    for image, s, sign, result in zip(PHOTOS, steps, SIGN, ours, strict=True):
        difference = (result.int() - reference(name, image, float(s), sign).int()).abs()
        if (
            name in GEOMETRIC
        ):  # torchvision's border is a hard cut, ours is interpolated: see what is inside of it
            white = reference(name, torch.full_like(image, 255), float(s), sign)
            far = torch.nn.functional.max_pool2d((white < 255).float(), 3, 1, 1) == 0
            assert far.float().mean() > 0.4
            difference = difference[far]
        assert difference.max() <= 2  # of 255: rounding
        assert difference.float().mean() < 0.3


@pytest.mark.parametrize(("name", "axis"), [("shift_x", 2), ("shift_y", 1)])
def test_full_shifts_move_by_ten_pixels_and_fill_with_the_mean_color(name, axis):
    draw = np.array([[(NAMES.index(name) + 0.5) / len(NAMES), 0.999, 0.0]])
    moved = trivial_augment(PHOTOS[:1], draw)[0]
    assert torch.equal(moved.narrow(axis, 10, 22), PHOTOS[0].narrow(axis, 0, 22))
    assert torch.equal(moved.narrow(axis, 0, 10).unique(), torch.tensor(sorted(FILL), dtype=torch.uint8))


def test_every_operation_strength_and_sign_is_drawn_equally_often():
    chosen, strength, sign = choices(uniforms(0, 0, np.arange(70_000), 6)[:, 3:])
    for values, count in ((chosen, 14), (np.round(strength * 30), 31), (sign, 2)):
        found = np.unique(values, return_counts=True)[1]
        assert len(found) == count
        assert np.abs(found / len(values) * count - 1).max() < 0.1  # at least 5 standard errors


def test_most_images_of_a_batch_are_changed():
    images = PHOTOS.repeat(20, 1, 1, 1)
    out = augment(images, "trivial", 0, 0, np.arange(len(images)))
    shifted = augment(images, "shift", 0, 0, np.arange(len(images)))
    same = (out == shifted).flatten(1).all(dim=1).float().mean()
    assert 1 / 14 < same < 0.25  # identity, and operations that leave an image as it is


def test_beta_has_the_moments_of_the_distribution():
    draw = np.random.default_rng(0).random((40_000, 16))
    for alpha in (0.01, 0.2, 0.8, 1.0):
        values = beta(draw, np.full(len(draw), alpha))
        reference = np.random.default_rng(1).beta(alpha, alpha, 40_000)
        assert values.min() >= 0
        assert values.max() <= 1
        assert (
            np.abs(
                np.quantile(values, [0.1, 0.3, 0.7, 0.9]) - np.quantile(reference, [0.1, 0.3, 0.7, 0.9])
            ).max()
            < 0.02
        )


def test_mixup_and_cutmix_equal_hand_computed_images():
    ones, zeros = torch.ones(2, 3, 32, 32), torch.zeros(2, 3, 32, 32)
    share, cut, center = np.array([0.7, 0.75]), np.array([False, True]), np.array([[0.5, 0.5], [0.0, 0.5]])
    images, targets = mix(ones, zeros, torch.tensor([1, 1]), torch.tensor([2, 2]), share, cut, center, 10)
    assert torch.allclose(images[0], torch.full((3, 32, 32), 0.7))
    assert torch.allclose(targets[0, :4], torch.tensor([0, 0.7, 0.3, 0]))
    # a box of half the side, half of it beyond the upper border: 8 x 16 pixels
    assert (images[1] == 0).sum() == 3 * 8 * 16
    assert torch.equal(images[1, :, :8, 8:24], torch.zeros(3, 8, 16))
    assert torch.allclose(targets[1, :4], torch.tensor([0, 0.875, 0.125, 0]))


@pytest.mark.parametrize("options", [{"mixup": 0.8}, {"cutmix": 1.0}, {"mixup": 0.8, "cutmix": 1.0}])
def test_mixed_images_do_not_depend_on_the_batch_size(options):
    split = Split(PHOTOS.numpy(), LABELS)
    seen = []
    for size in (62, 31):
        loader = make_loader(split, size, train=True, policy="trivial", seed=3, **options)
        batches = list(loader)
        seen.append([torch.cat(part) for part in zip(*batches, strict=True)])
    assert torch.equal(seen[0][0], seen[1][0])
    assert torch.equal(seen[0][1], seen[1][1])
    assert torch.allclose(seen[0][1].sum(dim=1), torch.ones(62))
    assert (seen[0][1].max(dim=1).values < 1).sum() > 0


def test_both_alphas_give_cutmix_to_half_of_the_images():
    partner, share, cut, _ = draw_mix(0, 0, np.arange(4000), 100, mixup=0.8, cutmix=1.0)
    assert abs(cut.mean() - 0.5) < 0.03
    assert set(partner) == set(range(100))
    assert abs(share.mean() - 0.5) < 0.02
