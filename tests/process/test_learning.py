"""Predictions for eight images that a training records without being changed by it."""

from __future__ import annotations

import numpy as np
import torch

from tests.small_trainings import config, reference_config, same_weights, train_until
from vitcore.data import load_dataset
from vitcore.data.augment import normalize
from vitcore.models import load_run
from vitcore.runs import predictions
from vitcore.runs.predictions import read_predictions, write_predictions
from vitcore.training import learning, train
from vitcore.training.setup import parts


def test_predictions_are_recorded_after_each_epoch(uninterrupted):
    run = uninterrupted()
    found = read_predictions(run.path)
    assert found.steps.tolist() == [0, 24, 48, 72]
    assert found.epochs.tolist() == [0, 1, 2, 3]
    held = parts(load_dataset(run.config.data), run.config)[1]
    for image, label in zip(found.images, found.truth, strict=True):
        equal = (held.images == image).all(axis=(1, 2, 3))
        assert label in held.labels[equal]
    assert set(found.truth.tolist()) == {0, 1}
    if run.status().result["best_epoch"] == 3:
        model = load_run(run)
        answers = model(normalize(torch.from_numpy(found.images))).softmax(dim=1)
        np.testing.assert_allclose(found.probabilities[-1], answers.detach(), atol=1e-5)
    np.testing.assert_allclose(found.probabilities.sum(axis=-1), 1, atol=1e-5)


def test_recording_predictions_does_not_change_the_training(colors, monkeypatch):
    settings = config(colors, dropout=0.3, drop_path=0.2)
    with_them = train(settings, progress=False)
    monkeypatch.setattr(learning.PredictionRecorder, "_record", lambda *given: None)
    without = train(settings, progress=False)
    assert read_predictions(without.path) is None
    assert same_weights(with_them, without)


def test_resume_continues_the_recorded_predictions(colors, uninterrupted):
    run = train_until(30, reference_config(colors))
    late = read_predictions(run.path).with_moment(48, 2.0, np.full((8, 2), 0.5))
    write_predictions(run.path, late)  # as if killed after a later epoch than its checkpoint
    train(resume=run, progress=False)
    ours, theirs = read_predictions(run.path), read_predictions(uninterrupted().path)
    assert ours.steps.tolist() == [0, 24, 48, 72]
    np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=1e-6)


def test_full_disk_for_predictions_does_not_end_the_training(colors, monkeypatch, capfd):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(predictions, "write_atomic", full)
    assert train(config(colors, epochs=1), progress=False).status().state == "finished"
    assert "No space left" in capfd.readouterr().err
