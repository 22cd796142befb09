"""Silhouettes, shuffled cells and cue conflicts against exhaustive searches, Pillow and cases by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torch import nn

from vitcore.analysis.cues import conflicts, otsu_thresholds, partners, shuffled_cells, silhouettes
from vitcore.data.augment import normalize
from vitcore.data.datasets import load_dataset
from vitcore.errors import UserError
from vitcore.probes import PROBES, Outcome, View
from vitcore.probes.experiments.texture_shape import values_of

PROBE = PROBES["texture-shape"]
PIXELS = np.asarray(load_dataset("cifar10-mini").test.images[:20])
SIDE = 32


def gray(values):
    """Return an image [S, S] as uint8 [3, S, S]."""
    return np.repeat(np.asarray(values, np.uint8)[None], 3, axis=0)


def cells_of(image, step=8, start=0):
    """Return the cells of an image uint8 [3, S, S], row by row, as bytes."""
    places = range(start, start + 4 * step, step)
    return [image[:, y : y + step, x : x + step].tobytes() for y in places for x in places]


@pytest.mark.parametrize("seed", range(5))
def test_thresholds_have_the_least_variance_within_three_classes(seed):
    random = np.random.default_rng(seed)
    values = np.sort(random.choice(256, 9, replace=False))
    counts = random.integers(1, 50, 9)

    def spread(cuts):
        parts = np.split(np.arange(9), cuts)
        within = [counts[part] * (values[part] - np.average(values[part], weights=counts[part])) ** 2
                  for part in parts]  # fmt: skip
        return np.concatenate(within).sum()

    best = min(combinations(range(1, 9), 2), key=spread)
    histogram = np.zeros(256, int)
    histogram[values] = counts
    found = otsu_thresholds(histogram)
    assert [np.searchsorted(values, cut) for cut in found] == list(best)


def test_silhouette_has_the_mean_luminance_of_each_level():
    image = gray(np.zeros((SIDE, SIDE)))
    image[:, :, 8:20] = 100
    image[:, 4:6, 8:20] = 110  # nearer to 100 than to the others
    image[:, :, 20:] = 200
    (found,) = silhouettes(image[None])
    assert (found[:, :, :8] == 0).all()
    assert (found[:, :, 8:20] == round(100 + 10 * 2 / 32)).all()
    assert (found[:, :, 20:] == 200).all()


def test_silhouettes_of_photographs_have_three_levels_of_gray_and_keep_the_brightness():
    for image, found in zip(PIXELS, silhouettes(PIXELS), strict=True):
        assert (found[0] == found[1]).all()
        assert (found[0] == found[2]).all()
        assert len(np.unique(found)) == 3
        luminance = np.asarray(Image.fromarray(image.transpose(1, 2, 0)).convert("L"))
        assert found.mean() == pytest.approx(luminance.mean(), abs=0.5)
        order = [luminance[found[0] == level] for level in np.unique(found)]
        assert order[0].max() < order[1].min()
        assert order[1].max() < order[2].min()


def test_silhouette_of_a_larger_image_loses_what_is_smaller_than_a_64th_of_its_side():
    image = gray(np.zeros((224, 224)))
    image[:, :, 112:] = 255
    clean = image.copy()
    image[:, 20:22, 20:60] = 255  # a line of 2 pixels
    image[:, ::6, 150::6] = 0  # dots
    assert (silhouettes(image[None])[0] == clean).all()
    picture = Image.fromarray(np.asarray(Image.fromarray(PIXELS[0].transpose(1, 2, 0)).resize((224, 224))))
    smooth = np.asarray(picture.convert("L").filter(ImageFilter.MedianFilter(7)))
    (found,) = silhouettes(np.asarray(picture).transpose(2, 0, 1)[None])
    low, high = otsu_thresholds(np.bincount(smooth.ravel(), minlength=256))
    for level in (smooth < low, (smooth >= low) & (smooth < high), smooth >= high):
        assert len(np.unique(found[:, level])) == 1


@pytest.mark.parametrize(("side", "start"), [(32, 0), (224, 0), (30, 1), (518, 1)])
def test_shuffling_keeps_the_pixels_of_every_cell_and_a_narrow_border(side, start):
    image = np.random.default_rng(0).integers(0, 256, (1, 3, side, side), dtype=np.uint8)
    (found,) = shuffled_cells(image, np.array([7]))
    before, after = (cells_of(x, side // 4, start) for x in (image[0], found))
    assert sorted(before) == sorted(after)
    assert before != after
    edge = np.ones((side, side), bool)
    edge[start : start + side // 4 * 4, start : start + side // 4 * 4] = False
    assert (found[:, edge] == image[0][:, edge]).all()


def test_order_of_the_cells_belongs_to_the_image():
    numbers = np.arange(20)
    found = shuffled_cells(PIXELS, numbers)
    assert (shuffled_cells(PIXELS[5:9], numbers[5:9]) == found[5:9]).all()
    same = shuffled_cells(np.repeat(PIXELS[:1], 20, axis=0), numbers)
    assert len(np.unique(same.reshape(20, -1), axis=0)) == 20


def test_constant_image_has_no_shape_and_no_texture():
    image = gray(np.full((SIDE, SIDE), 90))[None]
    assert (silhouettes(image) == image).all()
    assert (shuffled_cells(image, np.array([3])) == image).all()
    assert (conflicts(silhouettes(image), shuffled_cells(image, np.array([3]))) == image).all()
    assert conflicts(np.array([0, 255, 3], np.uint8), np.array([255, 255, 4], np.uint8)).tolist() == [
        128,
        255,
        4,
    ]


def test_partner_has_another_class_and_every_class_is_drawn():
    labels = np.arange(200) % 5
    found = partners(labels)
    assert (labels[found] != labels).all()
    pairs = {(int(a), int(b)) for a, b in zip(labels, labels[found], strict=True)}
    assert len(pairs) == 5 * 4
    with pytest.raises(UserError, match="two classes"):
        partners(np.zeros(9, int))


def test_values_by_hand():
    shape, texture = np.array([0, 1, 2, 3, 4, 5]), np.array([1, 2, 3, 4, 5, 0])
    answers = np.array(
        [
            [0, 1, 2, 3, 0, 0],  # original: 4 right
            [0, 1, 0, 0, 4, 0],  # silhouette: 0, 1 and 4 right
            [0, 0, 2, 3, 0, 5],  # shuffled: 0, 2, 3 and 5 right
            [0, 1, 3, 4, 5, 9],  # conflict: 2 by the shape, 3 by the texture, 1 by neither
        ]
    )
    values = values_of(answers, shape, texture)
    assert [values.original.mean, values.shape.mean, values.texture.mean] == pytest.approx(
        [4 / 6, 3 / 6, 4 / 6], abs=1e-6
    )
    assert (values.decided, values.decided_alone) == (5, 5)  # alone: image 0 is right in both
    assert values.shape_share.mean == pytest.approx(2 / 5)
    assert values.shape_share.error == pytest.approx((0.4 * 0.6 / 5) ** 0.5, abs=1e-6)
    assert values.shape_share_alone.mean == pytest.approx(2 / 5)
    assert values.answers == [0, 1, 3, 4, 5, 9]
    never = values_of(np.full((4, 6), 9), shape, texture)
    assert (never.decided, never.decided_alone) == (0, 0)
    assert never.model_dump(mode="json")["shape_share"] == {"mean": None, "error": None}
    assert PROBE.find([Outcome("ViT", never)], View()) == ""
    assert "40 ± 22 % (ViT, n = 5)" in PROBE.find([Outcome("ViT", values)], View())


@pytest.mark.parametrize(("by_shape", "differs"), [(60, False), (90, True)])
def test_finding_says_whether_the_shape_share_differs_from_that_of_random_weights(by_shape, differs):
    """Of 100 conflicts each, random weights answer 50 by the shape: an error of 5 points, and 4.9 or 3."""
    shape, texture = np.zeros(100, int), np.ones(100, int)

    def answered(count):
        conflict = np.where(np.arange(100) < count, shape, texture)
        return values_of(np.stack([shape, shape, shape, conflict]), shape, texture)

    text = PROBE.find([Outcome("ViT", answered(by_shape), untrained=answered(50))], View())
    error = (0.5**2 / 100 + by_shape / 100 * (1 - by_shape / 100) / 100) ** 0.5
    assert f"{by_shape - 50:+d} ± {100 * error:.0f} points" in text
    assert ("the same" in text) == (not differs)
    never = values_of(np.full((4, 100), 9), shape, texture)
    alone = PROBE.find([Outcome("ViT", answered(by_shape), untrained=never)], View())
    assert alone == PROBE.find([Outcome("ViT", answered(by_shape))], View())  # nothing to compare with


class Hue(nn.Module):
    """A model that sees only the histogram: the strongest channel, or class 3 for gray."""

    def forward(self, images):
        mean = images.mean(dim=(2, 3))  # the image is normalized: compare the channels of an unchanged gray
        pixels = mean * torch.tensor([0.2470, 0.2435, 0.2616]) + torch.tensor([0.4914, 0.4822, 0.4465])
        apart = pixels.max(dim=1).values - pixels.min(dim=1).values
        answer = torch.where(apart > 0.02, pixels.argmax(dim=1), 3)
        return nn.functional.one_hot(answer, 4).float()


class Template(nn.Module):
    """A model that sees only the outline: the template with the highest correlation."""

    def __init__(self, templates):
        super().__init__()
        flat = torch.from_numpy(templates).double().flatten(1)  # [classes, S * S]
        self.templates = nn.functional.normalize(flat - flat.mean(dim=1, keepdim=True))

    def forward(self, images):
        return images.double().mean(dim=1).flatten(1) @ self.templates.T


def outlines():
    """Return a disk, a cross and a frame, bright on dark. [3, S, S]"""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    disk = y**2 + x**2 < 100
    cross = (np.abs(y) < 3) | (np.abs(x) < 3)
    frame = np.maximum(np.abs(y), np.abs(x)) > 12
    return np.stack([disk, cross, frame]).astype(np.float64)


def measured(model, images, labels):
    *_, (done, values) = PROBE.steps(model, None, torch.from_numpy(images), labels, {})
    assert done == len(images)
    return values


def test_model_that_sees_only_the_histogram_has_no_shape_share():
    labels = np.arange(30) % 3
    images = np.random.default_rng(1).integers(60, 100, (30, 3, SIDE, SIDE), dtype=np.uint8)
    images[np.arange(30), labels] += 80
    values = measured(Hue(), images, labels)
    assert values.original.mean == values.texture.mean == values.to_texture.mean == 1
    assert values.shape.mean == values.to_shape.mean == 0
    assert (values.shape_share.mean, values.shape_share_alone.mean) == (0, 0)
    assert values.decided == values.decided_alone == 30


def test_model_that_matches_templates_has_only_a_shape_share():
    labels = np.arange(30) % 3
    images = np.stack([gray(40 + 150 * outlines()[label]) for label in labels])
    values = measured(Template(outlines()), images, labels)
    assert values.original.mean == values.shape.mean == values.to_shape.mean == 1
    assert values.texture.mean < 0.7
    assert (values.shape_share.mean, values.shape_share_alone.mean) == (1, 1)


def test_examples_are_the_pictures_that_the_model_answers():
    seen = []

    class Kept(nn.Module):
        def forward(self, images):
            seen.append(images)
            return torch.zeros(len(images), 10)

    labels = np.arange(20) % 10
    measured(Kept(), PIXELS, labels)
    first = seen[0]  # of 10 images: original, silhouette, shuffled, conflict
    for example in PROBE.examples.make(PIXELS, labels):
        shape, texture, both = example.pictures
        assert (conflicts(shape, texture) == both).all()
        assert torch.equal(first[30 + example.index], normalize(torch.from_numpy(both[None]))[0])
        assert example.cues["shape"] == labels[example.index] != example.cues["texture"]
