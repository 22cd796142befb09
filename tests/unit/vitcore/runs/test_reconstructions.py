"""The file of the eight reconstructions: its size, and invalid files."""

from __future__ import annotations

import io
from dataclasses import fields, replace

import numpy as np
import pytest

from vitcore.runs.files import write_atomic
from vitcore.runs.reconstructions import (
    FILE,
    MOST,
    MOST_BYTES,
    Reconstructions,
    read_reconstructions,
    write_reconstructions,
)


def sample(moments: int = 3, side: int = 16) -> Reconstructions:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (8, 3, side, side), dtype=np.uint8)
    found = Reconstructions.begin(images, random.random((8, 16)) < 0.25)
    for moment in range(moments):
        found = found.with_moment(10 * moment, float(moment), images + np.uint8(moment))
    return found


@pytest.mark.parametrize(("side", "most"), [(16, MOST), (256, MOST_BYTES // (8 * 3 * 256 * 256))])
def test_long_training_keeps_a_limited_number_of_moments(side, most):
    found = sample(1, side)
    for step in range(1, 41 if side > 16 else 201):
        found = found.with_moment(step, step / 10, found.images)
        assert len(found.steps) <= most + 1
    assert (found.steps[0], found.steps[-1]) == (0, step)
    assert (np.diff(found.steps) > 0).all()
    assert found.restored.shape == (len(found.steps), *found.images.shape)


def test_resume_discards_the_moments_after_its_checkpoint():
    assert sample().until(10).steps.tolist() == [0, 10]
    again = sample().with_moment(10, 1.5, sample().images)
    assert again.steps.tolist() == [0, 10]
    assert np.array_equal(again.restored[1], sample().images)


def test_masked_pixels_are_those_of_the_masked_patches():
    visible = np.ones((8, 4), bool)
    visible[0] = [True, False, True, True]  # the patch on the upper right
    found = replace(sample(), visible=visible)
    expected = np.zeros((8, 16, 16), bool)
    expected[0, :8, 8:] = True
    assert np.array_equal(found.masked, expected)


def test_truncated_or_malicious_file_gives_none(tmp_path):
    write_reconstructions(tmp_path, sample())
    file = tmp_path / FILE
    complete = file.read_bytes()
    assert np.array_equal(read_reconstructions(tmp_path).restored, sample().restored)
    assert read_reconstructions(tmp_path / "none") is None
    for length in (0, 1, 100, len(complete) // 2, len(complete) - 1):
        file.write_bytes(complete[:length])
        assert read_reconstructions(tmp_path) is None
    good = {field.name: getattr(sample(), field.name) for field in fields(Reconstructions)}
    for name, bad in (
        ("images", np.zeros((8, 3, 16, 16))),
        ("images", np.zeros((8, 3, 16, 8), np.uint8)),
        ("images", np.zeros(3, np.uint8)),
        ("visible", np.ones((8, 16))),
        ("visible", np.ones((8, 15), bool)),
        ("visible", np.ones((8, 0), bool)),
        ("visible", np.ones((8, 400), bool)),
        ("steps", np.arange(2)),
        ("steps", np.array([0, 0, 1])),
        ("steps", np.array(["a", "b", "c"])),
        ("epochs", np.array([0.0, np.nan, 1.0])),
        ("restored", np.zeros((3, 8, 3, 16, 8), np.uint8)),
        ("restored", np.zeros((3, 8, 3, 16, 16))),
    ):
        packed = io.BytesIO()
        np.savez(packed, **{**good, name: bad})
        write_atomic(file, packed.getvalue())
        assert read_reconstructions(tmp_path) is None, (name, bad.shape)
