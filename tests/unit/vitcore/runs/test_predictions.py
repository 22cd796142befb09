"""The file of the eight predictions: its size, its images, and invalid files."""

from __future__ import annotations

import io
from dataclasses import fields

import numpy as np
import pytest

from dashboard.training.predictions import as_html
from vitcore.runs.files import write_atomic
from vitcore.runs.predictions import MOST, Predictions, choose, read_predictions, write_predictions


def sample(moments=3, classes=("a", "b", "c")):
    random = np.random.default_rng(0)
    shares = random.random((moments, 8, len(classes))).astype(np.float32)
    images = random.integers(0, 256, (8, 3, 16, 16), dtype=np.uint8)
    numbers = np.arange(moments)
    return Predictions(images, numbers[:1].repeat(8) % 3, classes, numbers * 10, numbers * 1.0, shares)


def test_long_training_keeps_a_limited_number_of_moments(tmp_path):
    found = sample(1)
    for step in range(1, 10_001):
        found = found.with_moment(step, step / 10, np.zeros((8, 3)))
    assert len(found.steps) <= MOST + 1
    assert (found.steps[0], found.steps[-1]) == (0, 10_000)
    assert (np.diff(found.steps) > 0).all()
    write_predictions(tmp_path, found)
    assert (tmp_path / "predictions" / "eight.npz").stat().st_size < 100_000


def test_truncated_or_malicious_file_gives_none(tmp_path):
    write_predictions(tmp_path, sample())
    file = tmp_path / "predictions" / "eight.npz"
    complete = file.read_bytes()
    assert np.array_equal(read_predictions(tmp_path).probabilities, sample().probabilities)
    for length in (0, 1, 100, len(complete) // 2, len(complete) - 1):
        file.write_bytes(complete[:length])
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


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("classes", np.array([0x110000, 0, 0], "<u4").view("<U1")),
        ("classes", np.array(["a", "b", "\ud800"])),
        ("images", np.zeros((8, 3, 0, 5), np.uint8)),
        ("images", np.zeros((8, 3, 0, 0), np.uint8)),
        ("images", np.zeros((8, 3, 4, 5), np.uint8)),
        ("probabilities", np.full((3, 8, 3), -1e30, np.float32)),
        ("probabilities", np.full((3, 8, 3), 7, np.float32)),
        ("steps", np.array([-1, 0, 1])),
        ("steps", np.array([0, 2**63 - 1, -(2**63)])),
        ("epochs", np.array([0, 1, 1e300])),
        ("epochs", np.array([-1.0, 0, 1])),
        ("truth", np.array(3)),
    ],
)
def test_values_that_no_page_can_show_give_none(tmp_path, name, bad):
    made = sample()
    good = {field.name: getattr(made, field.name) for field in fields(Predictions)}
    (tmp_path / "predictions").mkdir()
    for content, expected in (({}, True), ({name: bad}, False)):
        np.savez(tmp_path / "predictions" / "eight.npz", **{**good, **content})
        assert (read_predictions(tmp_path) is not None) == expected


def test_chosen_images_cover_most_classes_and_are_reproducible():
    labels = np.array([3, 3, 3, 0, 1, 1, 2, 0, 9, 3])
    assert choose(labels).tolist() == [3, 7, 4, 5, 6, 0, 1, 8]
    ten = np.arange(100) % 10
    assert sorted(ten[choose(ten)].tolist()) == list(range(8))
    assert choose(np.array([1, 0])).tolist() == [1, 0]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '" onload="x'])
def test_class_names_are_plain_text(name):
    page = as_html(sample(classes=(name, "b", "c")), 1, "#0072B2")
    assert "<script>" not in page
    assert '" onload' not in page
    assert page.count("<img") == 8
