"""Outputs for hundreds of images equal those of single images, in bounded memory."""

from __future__ import annotations

import gc

import numpy as np
import psutil
import pytest
import torch

import vitcore
from dashboard.attention import views
from dashboard.shared import model_outputs
from vitcore.analysis.attention import capture
from vitcore.analysis.heads import mean_distance
from vitcore.data import load_dataset
from vitcore.runs.folder import find_run


@pytest.fixture(scope="module")
def data():
    return load_dataset("cifar10-mini")


@pytest.fixture(scope="module")
def vit():
    return find_run("vit-cifar10")


@pytest.mark.slow
def test_predictions_and_heads_over_test_images_equal_single_ones(vit, data):
    probabilities = model_outputs.predictions(vit, data)
    assert probabilities.shape == (1000, 10)
    accuracy = (probabilities.argmax(axis=1) == data.test.labels).mean()
    assert accuracy == pytest.approx(vit.status().result["test_acc"], abs=0.035)  # n = 1,000 against 10,000
    for i in (0, 437, 999):
        assert np.allclose(probabilities[i], views.view(vit, data.test.images[i]).probabilities, atol=1e-4)
    distance, _, count = views.heads(vit, data, None)
    assert count == 200
    first = [np.flatnonzero(data.test.labels == label)[:20] for label in range(10)]
    model, places = vitcore.load("vit-cifar10"), np.concatenate(first)
    images = torch.from_numpy(data.test.images[places])
    direct = mean_distance(capture(model, images).weights, 4, prefix=1).mean(dim=0)
    assert np.allclose(distance, direct, atol=1e-3)


@pytest.mark.slow
def test_memory_does_not_grow_over_300_images(vit, data):
    process = psutil.Process()
    for image in data.test.images[:60]:
        views.view(vit, image)
    gc.collect()
    before = process.memory_info().rss
    for image in data.test.images[60:360]:
        views.view(vit, image)
    gc.collect()
    grown = (process.memory_info().rss - before) / 2**20
    assert grown < 60, f"{grown:.0f} MB more after 300 images"  # all of them would be 120 MB
