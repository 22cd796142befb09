"""The live images of the experiments: every variant, and the predictions for exactly these pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from vitcore.data.augment import normalize
from vitcore.probes import PROBES
from vitcore.probes.experiments import shift

SIZE = 32
MEAN_COLOR = [125, 123, 114]  # 255 times the mean of each channel, rounded


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(3).integers(0, 256, (3, SIZE, SIZE), dtype=np.uint8)


@pytest.fixture(scope="module")
def models():
    torch.manual_seed(3)
    return [nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 4)).eval() for _ in range(2)]


def frames_of(name, models, image, border="reflect"):
    with torch.inference_mode():
        return PROBES[name].live.frames(models, torch.from_numpy(image[None]), border)


@pytest.mark.parametrize("name", [probe.name for probe in PROBES.values() if probe.live])
def test_start_frame_is_the_unchanged_image_and_predictions_belong_to_their_pictures(name, models, image):
    frames = frames_of(name, models, image)
    count = len(frames.rows) * len(frames.columns)
    assert frames.pictures.shape[1:] == (count, 3, SIZE, SIZE)
    assert frames.probabilities.shape == (2, count, 4)
    assert all((seen[frames.start] == image).all() for seen in frames.pictures)
    for m, model in enumerate(models):
        pictures = torch.from_numpy(frames.pictures[m if len(frames.pictures) > 1 else 0])
        with torch.inference_mode():
            expected = model(normalize(pictures)).softmax(dim=1).numpy()
        assert np.allclose(frames.probabilities[m], expected, atol=5e-3)  # pictures are rounded


def test_shifted_frames_move_down_by_row_and_right_by_column(models, image):
    frames = frames_of("shift", models, image, "circular")
    side = 2 * shift.FAR + 1
    pictures = frames.pictures[0].reshape(side, side, 3, SIZE, SIZE)
    assert (frames.rows[0], frames.rows[-1], frames.columns[shift.FAR]) == ("-8", "+8", "0")
    down_3_left_5 = pictures[shift.FAR + 3, shift.FAR - 5]
    assert (down_3_left_5 == np.roll(image, (3, -5), axis=(1, 2))).all()


def test_shuffled_frames_keep_all_pixels_and_differ_between_draws(models, image):
    frames = frames_of("shuffle", models, image)
    pictures = frames.pictures[0].reshape(len(frames.rows), len(frames.columns), 3, -1)
    assert (np.sort(pictures, axis=-1) == np.sort(image.reshape(3, -1), axis=-1)).all()
    assert all(len(np.unique(row.reshape(len(row), -1), axis=0)) == 6 for row in pictures[2:])


def test_occluded_frames_hide_more_and_more_cells_of_each_model(models, image):
    frames = frames_of("occlusion", models, image)
    blank = np.array(MEAN_COLOR)[:, None, None]
    hidden = (frames.pictures == blank).all(axis=2).reshape(2, len(frames.rows), 3, -1).sum(axis=-1)
    cell = (SIZE // frames.cells) ** 2
    expected = cell * np.arange(0, 65, 4)[None, :, None]
    assert (np.abs(hidden - expected) <= 2).all()  # some pixels of the image may have the mean color
    first, second = frames.pictures.reshape(2, len(frames.rows), 3, -1)[:, 4, 1]
    assert (first != second).any()  # most salient first, by the ranking of each model


def test_predictions_with_painted_cells_are_those_for_the_image_with_mean_color(models, image):
    bits = [int(i in (0, 9, 63)) for i in range(64)]
    painted = PROBES["occlusion"].live.paint(models, torch.from_numpy(image[None]), bits)
    changed = normalize(torch.from_numpy(image[None]))
    for cell in (0, 9, 63):
        row, column = 4 * (cell // 8), 4 * (cell % 8)
        changed[..., row : row + 4, column : column + 4] = 0
    with torch.inference_mode():
        expected = [model(changed).softmax(dim=1)[0].numpy() for model in models]
    assert np.allclose(painted, expected, atol=1e-6)


@pytest.mark.parametrize("side", [96, 512])
def test_large_live_image_has_few_long_shifts_and_pictures_of_at_most_256_pixels(side):
    torch.manual_seed(0)
    pool = nn.AdaptiveAvgPool2d(4)
    models = [nn.Sequential(pool, nn.Flatten(), nn.Linear(48, 4)).eval()]
    pixels = np.random.default_rng(0).integers(0, 256, (3, side // 8, side // 8), dtype=np.uint8)
    image = pixels.repeat(8, axis=1).repeat(8, axis=2)
    frames = frames_of("shift", models, image, "circular")
    step, factor = side // 16, side // frames.pictures.shape[-1]
    assert frames.rows == frames.columns == [f"{step * i:+d}" if i else "0" for i in range(-3, 4)]
    assert frames.pictures.shape[-1] <= 256
    assert (frames.step * factor, frames.start) == (step, 24)
    moved = np.roll(image, (-step, 2 * step), axis=(1, 2))
    assert (frames.pictures[0, 7 * 2 + 5] == moved[:, ::factor, ::factor]).all()
    with torch.inference_mode():
        expected = models[0](normalize(torch.from_numpy(moved[None]))).softmax(dim=1)
    assert np.allclose(frames.probabilities[0, 7 * 2 + 5], expected, atol=1e-5)
