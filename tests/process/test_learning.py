"""Eight images asked along a training: the model's own answers, without a trace in the training itself."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from dashboard.training.predictions import as_html
from tests.process.test_failures import stopped_after_an_epoch
from tests.process.test_train import config, same_weights
from vitcore.data import load_dataset
from vitcore.data.augment import normalize
from vitcore.models import load_run
from vitcore.runs import predictions
from vitcore.runs.files import write_atomic
from vitcore.runs.predictions import MOST, Predictions, choose, read_predictions, write_predictions
from vitcore.training import learning, train
from vitcore.training.setup import parts


def test_after_each_epoch_stands_what_the_model_said(colours):
    run = train(config(colours, batch_size=4), progress=False)
    found = read_predictions(run.path)
    assert found.steps.tolist() == [0, 24, 48, 72]
    assert found.epochs.tolist() == [0, 1, 2, 3]
    held = parts(load_dataset(run.config.data), run.config)[1]
    for image, label in zip(found.images, found.truth, strict=True):
        alike = (held.images == image).all(axis=(1, 2, 3))
        assert label in held.labels[alike]
    assert set(found.truth.tolist()) == {0, 1}
    if run.status().result["best_epoch"] == 3:
        model = load_run(run)
        answers = model(normalize(torch.from_numpy(found.images))).softmax(dim=1)
        np.testing.assert_allclose(found.probabilities[-1], answers.detach(), atol=1e-5)
    np.testing.assert_allclose(found.probabilities.sum(axis=-1), 1, atol=1e-5)


def test_the_training_is_the_same_with_and_without(colours, monkeypatch):
    settings = config(colours, dropout=0.3, drop_path=0.2)
    with_them = train(settings, progress=False)
    monkeypatch.setattr(learning.Eight, "_ask", lambda *given: None)
    without = train(settings, progress=False)
    assert read_predictions(without.path) is None
    assert same_weights(with_them, without)


def test_a_resume_goes_on_where_it_was(colours, monkeypatch):
    run = stopped_after_an_epoch(config(colours, batch_size=4), monkeypatch)
    late = read_predictions(run.path).with_moment(48, 2.0, np.full((8, 2), 0.5))
    write_predictions(run.path, late)  # as of a run that was killed after what it goes back to
    train(resume=run, progress=False)
    whole = train(config(colours, batch_size=4), progress=False)
    ours, theirs = read_predictions(run.path), read_predictions(whole.path)
    assert ours.steps.tolist() == [0, 24, 48, 72]
    np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=1e-6)


def test_a_full_disk_does_not_end_the_training_for_these(colours, monkeypatch, capfd):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(predictions, "write_atomic", full)
    assert train(config(colours, epochs=1), progress=False).status().state == "finished"
    assert "eight predictions could not be written: No space left" in capfd.readouterr().err


def sample(moments=3, classes=("a", "b", "c")):
    random = np.random.default_rng(0)
    shares = random.random((moments, 8, len(classes))).astype(np.float32)
    images = random.integers(0, 256, (8, 3, 16, 16), dtype=np.uint8)
    numbers = np.arange(moments)
    return Predictions(images, numbers[:1].repeat(8) % 3, classes, numbers * 10, numbers * 1.0, shares)


def test_a_long_training_keeps_the_first_the_newest_and_few_enough(tmp_path):
    found = sample(1)
    for step in range(1, 10_001):
        found = found.with_moment(step, step / 10, np.zeros((8, 3)))
    assert len(found.steps) <= MOST + 1
    assert (found.steps[0], found.steps[-1]) == (0, 10_000)
    assert (np.diff(found.steps) > 0).all()
    write_predictions(tmp_path, found)
    assert (tmp_path / "predictions" / "eight.npz").stat().st_size < 100_000


def test_a_torn_or_hostile_file_is_none(tmp_path):
    write_predictions(tmp_path, sample())
    file = tmp_path / "predictions" / "eight.npz"
    whole = file.read_bytes()
    assert np.array_equal(read_predictions(tmp_path).probabilities, sample().probabilities)
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert read_predictions(tmp_path) is None
    assert read_predictions(tmp_path / "none") is None
    made = sample()
    names = ("images", "truth", "steps", "epochs", "probabilities")
    good = {name: getattr(made, name) for name in names} | {"classes": np.array(made.classes)}
    for name, bad in (
        ("images", np.zeros((8, 3, 16, 16))),
        ("truth", np.full(8, 7)),
        ("truth", np.full(8, -1)),
        ("classes", np.array([b"x"] * 3)),
        ("classes", np.array(["a", 1, {}], dtype=object)),
        ("steps", np.arange(2)),
        ("probabilities", np.zeros((3, 8, 2), np.float32)),
        ("probabilities", np.full((3, 8, 3), np.nan, np.float32)),
    ):
        packed = io.BytesIO()
        np.savez(packed, **{**good, name: bad})
        write_atomic(file, packed.getvalue())
        assert read_predictions(tmp_path) is None


def test_images_are_of_as_many_classes_as_possible_and_always_the_same():
    labels = np.array([3, 3, 3, 0, 1, 1, 2, 0, 9, 3])
    assert choose(labels).tolist() == [3, 7, 4, 5, 6, 0, 1, 8]
    ten = np.arange(100) % 10
    assert sorted(ten[choose(ten)].tolist()) == list(range(8))
    assert choose(np.array([1, 0])).tolist() == [1, 0]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '" onload="x'])
def test_class_names_are_only_text(name):
    page = as_html(sample(classes=(name, "b", "c")), 1, "#0072B2")
    assert "<script>" not in page
    assert '" onload' not in page
    assert page.count("<img") == 8
