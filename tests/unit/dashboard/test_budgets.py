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
    assert [[run.id for run in one.runs] for one in pairs] == [
        ["vit-cifar10", "resnet-cifar10"],
        ["vit-cifar10-gpu", "resnet-cifar10-gpu"],
    ]
    for one in pairs:
        stored = [find_run(run.id).status().result["test_acc"] for run in one.runs]
        assert list(one.accuracies.values()) == stored
        assert one.gap == pytest.approx(100 * (stored[1] - stored[0]))
    assert [one.title for one in pairs] == ["20 epochs on a CPU", "85 to 88 epochs on a GPU"]


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
    assert re.findall(r"[\d.]+ points", drawn) == ["40.0 points", "5.0 points"]
    assert re.findall(r">([\w. ]+ %)<", drawn) == ["A 50.0 %", "B 90.0 %", "70.0 %", "75.0 %"]
    assert "short: A 50.00 %, B 90.00 %; long: A 75.00 %, B 70.00 %" in drawn


def test_equal_accuracies_are_drawn():
    drawn = accuracy_gaps([("same", Dot("A", 0.5, "#000000"), Dot("B", 0.5, "#ffffff"))])
    assert "0.0 points" in drawn
    assert "nan" not in drawn
