"""Typed values of the probes `test` and `speed`."""

from __future__ import annotations

import json
from math import sqrt

import pytest
from pydantic import ValidationError

from vitcore.errors import UserError
from vitcore.probes.score_values import Speed, TestScores
from vitcore.probes.store import read_result
from vitcore.runs.folder import find_run

SPEED = {
    "images_per_s": 226.5,
    "batch": 128,
    "batches": 7,
    "memory_bytes": 900,
    "base_bytes": 500,
    "others": 0.1,
    "threads": 2,
    "training": None,
}
TRAINING = {
    "data": "cifar10-mini",
    "batch": 64,
    "images_per_s": 31.0,
    "memory_bytes": 800,
    "counted": 20,
    "others": 0.2,
}


@pytest.fixture
def stored():
    """The file of a bundled result."""
    return min((find_run("vit-cifar10").path / "probes").glob("test-*.json"))


def test_misspelled_key_is_an_error_that_names_the_file_and_the_key(stored, tmp_path):
    result = json.loads(stored.read_text())
    result["values"]["acuracy"] = result["values"].pop("accuracy")
    path = tmp_path / "test-x.json"
    path.write_text(json.dumps(result))
    with pytest.raises(UserError, match=r"test-x\.json.*accuracy"):
        read_result(path)


def test_gap_and_errors_are_those_of_two_binomial_shares(stored):
    scores = read_result(stored).values
    assert isinstance(scores, TestScores)
    gap, error = scores.gap
    assert gap == scores.training.accuracy - scores.accuracy
    variances = [
        p * (1 - p) / n
        for p, n in (
            (scores.accuracy, len(scores.truth)),
            (scores.training.accuracy, scores.training.images),
        )
    ]
    assert error == pytest.approx(sqrt(sum(variances)))
    rows = {row["quantity"]: row for row in scores.rows()}
    assert rows["gap, training minus test"]["error"] == error


def test_without_training_images_there_is_no_gap(stored):
    scores = read_result(stored).values.model_copy(update={"training": None})
    assert scores.gap is None
    assert not [row for row in scores.rows() if "training" in row["quantity"]]


def test_speed_keeps_the_reason_instead_of_training(stored):
    values = {**SPEED, "no_training": "There is no folder /nowhere"}
    speed = Speed.model_validate(values)
    assert json.loads(speed.model_dump_json()) == values
    assert not [row for row in speed.rows() if row["quantity"].startswith("training")]


def test_unmeasured_optional_value_is_left_out_of_the_json():
    values = {**SPEED, "training": TRAINING}
    speed = Speed.model_validate(values)
    assert json.loads(speed.model_dump_json()) == values
    assert {"quantity": "training, steps", "mean": 20, "error": ""} in list(speed.rows())


@pytest.mark.parametrize("missing", ["images_per_s", "training", "others"])
def test_missing_value_is_an_error(missing):
    with pytest.raises(ValidationError, match=missing):
        Speed.model_validate({name: value for name, value in SPEED.items() if name != missing})
