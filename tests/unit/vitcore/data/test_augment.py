"""Augmentation does not depend on the batch, and its pixels equal torchvision's image by image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import resized_crop

from vitcore.data.augment import (
    CROP_TRIES,
    augment,
    crop_boxes,
    epoch_order,
    normalize,
    subset,
    uniforms,
)
from vitcore.data.datasets import Split
from vitcore.data.loader import Batches, EpochBatches, make_loader
from vitcore.preprocessing import MEAN, STD

IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (64, 3, 32, 32), dtype=np.uint8))


def test_normalize_equals_torchvision():
    from torchvision.transforms.v2.functional import normalize as reference

    assert torch.allclose(
        normalize(IMAGES), reference(IMAGES.float() / 255, list(MEAN), list(STD)), atol=1e-6
    )


@pytest.mark.parametrize("policy", ["none", "tutorial", "shift", "trivial"])
def test_augmentation_does_not_depend_on_the_batch_size(policy):
    samples = np.arange(100, 164)
    whole = augment(IMAGES, policy, 3, 7, samples)
    parts = [augment(IMAGES[i : i + 5], policy, 3, 7, samples[i : i + 5]) for i in range(0, 64, 5)]
    assert torch.equal(whole, torch.cat(parts))


@pytest.mark.parametrize("policy", ["tutorial", "shift", "trivial"])
@pytest.mark.parametrize("change", [{"seed": 4}, {"epoch": 8}, {"samples": np.arange(101, 165)}])
def test_seed_epoch_and_sample_each_change_the_draw(policy, change):
    base = {"seed": 3, "epoch": 7, "samples": np.arange(100, 164)}
    assert not torch.equal(augment(IMAGES, policy, **base), augment(IMAGES, policy, **(base | change)))


def test_uniforms_are_uniform_and_independent():
    values = uniforms(0, 0, np.arange(50_000), 4)
    assert values.min() >= 0
    assert values.max() < 1
    counts = np.histogram(values, bins=20, range=(0, 1))[0]
    expected = values.size / 20
    assert ((counts - expected) ** 2 / expected).sum() < 43.8  # chi-square, 19 degrees of freedom, p = 0.001
    assert np.abs(np.corrcoef(values.T) - np.eye(4)).max() < 0.02
    assert abs(np.corrcoef(values[:-1, 0], values[1:, 0])[0, 1]) < 0.02  # neighboring samples


def test_crop_equals_torchvision_resized_crop_per_image():
    samples = np.arange(64)
    ours = augment(IMAGES, "tutorial", 0, 0, samples)
    draw = uniforms(0, 0, samples, 1 + 4 * CROP_TRIES)
    boxes, flips = crop_boxes(draw[:, 1:], 32), draw[:, 0] < 0.5
    assert 16 < flips.sum() < 48
    for image, box, flip, result in zip(IMAGES, boxes, flips, ours, strict=True):
        top, left, height, width = box.tolist()
        x = normalize(image[None])
        x = resized_crop(x, top, left, height, width, [32, 32], InterpolationMode.BILINEAR, antialias=False)[
            0
        ]
        assert torch.allclose(x.flip(-1) if flip else x, result, atol=2e-5)


def test_crop_boxes_have_the_distribution_of_torchvision():
    from torchvision.transforms import RandomResizedCrop

    ours = crop_boxes(uniforms(0, 0, np.arange(20_000), 4 * CROP_TRIES), 32)
    torch.manual_seed(0)
    image = torch.zeros(3, 32, 32)
    expected = np.array([RandomResizedCrop.get_params(image, [0.8, 1.0], [0.9, 1.1]) for _ in range(20_000)])
    assert (ours[:, 0] + ours[:, 2] <= 32).all()
    assert (ours[:, 1] + ours[:, 3] <= 32).all()
    assert np.abs(ours.mean(axis=0) - expected.mean(axis=0)).max() < 0.06
    assert np.abs(ours.std(axis=0) - expected.std(axis=0)).max() < 0.05


def test_shift_is_a_reflected_crop_of_the_image_or_its_mirror():
    ours = augment(IMAGES, "shift", 0, 0, np.arange(64))
    padded = torch.nn.functional.pad(normalize(IMAGES), (4, 4, 4, 4), mode="reflect")
    for i in range(64):
        crops = [padded[i, :, y : y + 32, x : x + 32] for y in range(9) for x in range(9)]
        crops += [c.flip(-1) for c in crops]
        assert any(torch.allclose(ours[i], c, atol=1e-6) for c in crops)


def test_each_epoch_visits_each_sample_once_in_its_own_order():
    first, second = epoch_order(0, 0, 1000), epoch_order(0, 1, 1000)
    assert sorted(first) == sorted(second) == list(range(1000))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, epoch_order(0, 0, 1000))


def test_last_partial_batch_is_dropped_only_in_training():
    assert [len(key.samples) for key in EpochBatches(10, 4, seed=0, drop_last=True)] == [4, 4]
    assert [len(key.samples) for key in EpochBatches(10, 4, seed=None, drop_last=False)] == [4, 4, 2]
    assert [len(key.samples) for key in EpochBatches(3, 4, seed=0, drop_last=True)] == [3]


@pytest.mark.parametrize("world", [2, 3])
def test_ranks_share_every_batch_and_see_each_image_once(world):
    def batches(rank, count):
        found = EpochBatches(40, 12, seed=1, drop_last=True, rank=rank, world=count)
        found.set_epoch(2)
        return [key.samples for key in found]

    shares = [batches(rank, world) for rank in range(world)]
    assert [len(share) for share in shares] == [3] * world
    for whole, *parts in zip(batches(0, 1), *shares, strict=True):
        assert all(len(part) == 12 // world for part in parts)
        assert sorted(np.concatenate(parts)) == sorted(whole)


def test_epochs_of_given_length_follow_the_same_passes():
    """The second implementation: all passes one after the other, cut into epochs of 7 batches."""
    plain = EpochBatches(22, 4, seed=1, drop_last=True)  # 5 batches a pass
    passes = []
    for number in range(5):
        plain.set_epoch(number)
        passes += [(key.epoch, key.samples.tolist()) for key in plain]
    cut = EpochBatches(22, 4, seed=1, drop_last=True, length=7)
    assert len(cut) == 7
    for epoch in range(3):
        cut.set_epoch(epoch)
        assert [(key.epoch, key.samples.tolist()) for key in cut] == passes[7 * epoch : 7 * epoch + 7]
    cut.resume(10)
    cut.set_epoch(1)
    assert [(key.epoch, key.samples.tolist()) for key in cut] == passes[10:14]


@settings(max_examples=30)
@given(st.integers(0, 9), st.floats(0.01, 1), st.floats(0.01, 1))
def test_shares_are_nested_and_equal_in_every_class(seed, a, b):
    labels = np.random.default_rng(0).integers(0, 5, 400)
    small, large = (subset(labels, share, seed) for share in sorted((a, b)))
    assert set(small) <= set(large)
    assert len(set(small)) == len(small)
    for label in range(5):
        members = int((labels == label).sum())
        assert (labels[small] == label).sum() == max(1, round(min(a, b) * members))


def test_share_depends_on_the_seed_and_full_share_is_everything():
    labels = np.repeat(np.arange(10), 30)
    assert not np.array_equal(subset(labels, 0.1, 0), subset(labels, 0.1, 1))
    assert np.array_equal(subset(labels, 1.0, 3), np.arange(300))


def test_resumed_loader_continues_at_the_same_batch():
    batches = EpochBatches(20, 4, seed=1, drop_last=True)
    whole = []
    for epoch in range(3):
        batches.set_epoch(epoch)
        whole += [tuple(key.samples) for key in batches]
    again = EpochBatches(20, 4, seed=1, drop_last=True)
    again.resume(7)  # after one epoch and two batches
    rest = []
    for epoch in (1, 2):
        again.set_epoch(epoch)
        rest += [tuple(key.samples) for key in again]
    assert rest == whole[7:]


@pytest.mark.parametrize("length", [None, 7])
def test_batches_made_ahead_equal_those_made_one_by_one(length):
    split = Split(np.random.default_rng(0).integers(0, 256, (22, 3, 8, 8), dtype=np.uint8), np.arange(22))

    def batches(ahead):
        keys = EpochBatches(22, 4, seed=1, drop_last=True, length=length, ahead=ahead)
        data = Batches(split, policy="trivial", seed=1, device="cpu", mixup=0.5, cutmix=0.5, classes=22)
        keys.resume(2)
        for epoch in range(3):
            keys.set_epoch(epoch)
            yield from (data[key] for key in keys)

    single, ahead = list(batches(1)), list(batches(3))
    assert len(single) == len(ahead) == 3 * (length or 5) - 2
    for (images, targets), (same_images, same_targets) in zip(single, ahead, strict=True):
        assert len(images) == 4
        assert torch.equal(images, same_images)
        assert torch.equal(targets, same_targets)


def test_loader_yields_normalized_batches():
    split = Split(IMAGES.numpy(), np.arange(64))
    batches = list(make_loader(split, 10, train=False))
    assert torch.equal(torch.cat([x for x, _ in batches]), normalize(IMAGES))
    assert torch.cat([y for _, y in batches]).tolist() == list(range(64))
