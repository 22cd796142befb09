"""How numbers are written."""

from __future__ import annotations

import numpy as np
import pytest

from vitcore import numbers


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 steps"),
        (1, "1 step"),
        (2, "2 steps"),
        (3500, "3,500 steps"),
        (2.5, "2.5 steps"),
        (1.0, "1 step"),
        (60.0, "60 steps"),
    ],
)
def test_count_has_the_noun_in_the_right_number(number, text):
    assert numbers.count(number, "step") == text


def test_listed_numbers_have_their_noun():
    assert numbers.listed("seed", [3]) == "seed 3"
    assert numbers.listed("seed", [0, 1]) == "seeds 0, 1"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.32, "0.3 s"),
        (0.97, "1 s"),
        (45, "45 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (720, "12 min"),
        (89 * 60, "89 min"),
        (90 * 60, "1 h 30 min"),
        (125 * 60, "2 h 5 min"),
    ],
)
def test_duration_has_at_most_two_units(seconds, text):
    assert numbers.duration(seconds) == text


def test_fractions_are_percentages():
    assert numbers.percent(0.8905) == "89.05 %"
    assert numbers.percent(0.8905, 0) == "89 %"
    assert numbers.percent(0.8905, 1, 0.0031) == "89.0 ± 0.3 %"  # binary 89.05 is below 89.05
    assert numbers.points(0.0031) == "0.31"
    assert [numbers.chosen_share(share) for share in (1, 0.025, 0.1)] == ["100 %", "2.5 %", "10 %"]
    assert [numbers.chance(1 / count) for count in (3, 10, 200)] == ["33.3 %", "10 %", "0.5 %"]


def test_accuracy_names_its_number_of_images_if_it_is_known():
    assert numbers.accuracy(0.5, 10_000) == "50.00 % (n = 10,000)"
    assert numbers.accuracy(0.5, None) == "50.00 %"


def test_millions_have_two_digits_or_more_and_no_exponent():
    counts = (272_378, 3_195_146, 22_000_000, 99_400_000, 99_600_000, 632_045_800)
    texts = ["0.27", "3.2", "22", "99", "100", "632"]
    assert [numbers.millions(count) for count in counts] == [f"{text} million" for text in texts]


def test_stored_numbers_have_six_decimals():
    assert numbers.rounded(np.array([[1 / 3, 2]], dtype=np.float64)) == [[0.333333, 2.0]]
    assert numbers.rounded(np.array([1], dtype=np.int64)) == [1.0]


@pytest.mark.parametrize(
    ("largest", "end"),
    [
        (0.97, 1),
        (0.5, 0.5),
        (0.51, 1),
        (0.13, 0.2),
        (0.0995, 0.1),
        (0.041, 0.05),
        (0.001, 0.001),
        (0, 1),
        (1, 1),
    ],
)
def test_scale_of_shares_ends_at_a_round_number_above_the_largest(largest, end):
    assert numbers.scale_end(largest) == pytest.approx(end)
