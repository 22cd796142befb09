"""The accuracies of Overview: published, then those of the bundled pairs of runs."""

from __future__ import annotations

import re

import pytest

from dashboard.drawing.html import Dot, accuracy_gaps
from dashboard.overview.budgets import budgets
from vitcore.runs.folder import find_run


def test_published_results_come_first_and_pairs_follow_by_accuracy():
    published, *pairs = budgets(("vit", "resnet"))
    assert published.runs == ()
    assert published.gap == pytest.approx(91.06 - 75.59)  # the tutorials' stated accuracies
    assert [[run.id for run in pair.runs] for pair in pairs] == [
        ["vit-cifar10", "resnet-cifar10"],
        ["vit-cifar10-gpu", "resnet-cifar10-gpu"],
    ]
    for pair in pairs:
        stored = [find_run(run.id).status().result["test_acc"] for run in pair.runs]
        assert list(pair.accuracies.values()) == stored
        assert pair.gap == pytest.approx(100 * (stored[1] - stored[0]))
    assert [pair.title for pair in pairs] == ["20 epochs on a CPU", "85 to 88 epochs on a GPU"]


def test_dots_are_on_one_axis_with_their_values_and_gap():
    rows = [
        ("short", Dot("A", 0.5, "#000000"), Dot("B", 0.9, "#ffffff")),
        ("long", Dot("A", 0.75, "#000000"), Dot("B", 0.7, "#ffffff")),
    ]
    drawn = accuracy_gaps(rows)
    at = [float(place) for place in re.findall(r'<b style="left:([\d.]+)%', drawn)]
    low, high, other, middle = at  # of 50, 90, 70 and 75 %
    assert other == pytest.approx((low + high) / 2, abs=0.02)
    assert middle == pytest.approx(low + 0.625 * (high - low), abs=0.02)
    assert re.findall(r"[\d.]+ points", drawn) == ["40.00 points", "5.00 points"]
    assert re.findall(r">([\w. ]+ %)<", drawn) == ["A 50.00 %", "B 90.00 %", "B 70.00 %", "A 75.00 %"]
    assert "short: A 50.00 %, B 90.00 %; long: A 75.00 %, B 70.00 %" in drawn


def test_shown_gap_is_the_difference_of_the_shown_accuracies():
    for budget in budgets(("vit", "resnet")):
        dots = [Dot(model, share, "#000000") for model, share in budget.accuracies.items()]
        drawn = accuracy_gaps([(budget.title, dots[0], dots[1])])
        (gap,) = map(float, re.findall(r"([\d.]+) points", drawn))
        low, high = map(float, re.findall(r">\w+ ([\d.]+) %<", drawn))
        assert gap == pytest.approx(high - low, abs=1e-9)


def test_equal_accuracies_are_drawn():
    drawn = accuracy_gaps([("same", Dot("A", 0.5, "#000000"), Dot("B", 0.5, "#ffffff"))])
    assert "0.00 points" in drawn
    assert "nan" not in drawn
