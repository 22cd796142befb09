"""What `probe` prints of stored results: the sentence first, and only as many values as one can read."""

from __future__ import annotations

import json

import pytest

from tests.command_line import run
from tests.conftest import ROOT

PLANE = 13 * 13  # positions


def stored(name, probe, *, untrained=False):
    """Return the stored result of a bundled run, as its file has it."""
    found = [json.loads(p.read_text()) for p in (ROOT / "assets/runs" / name / "probes").glob(f"{probe}-*")]
    (result,) = (one for one in found if one["runs"][0].startswith("untrained ") == untrained)
    return result


def printed(*words):
    done = run("probe", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr.splitlines()


def numbers_of(lines):
    """Return the mean and the error of each aligned line by its quantity."""
    parts = [line.split() for line in lines]
    return {" ".join(words[:-2]): [float(word) for word in words[-2:]] for words in parts}


def test_landscape_prints_center_range_and_curvature_and_verbose_prints_every_position():
    values = stored("vit-quick", "landscape")["values"]
    short, _ = printed("landscape", "--runs", "vit-quick")
    assert len(short) < 15
    means = [mean for row in values["loss"]["mean"] for mean in row]
    rows = numbers_of(line for line in short if line.startswith("loss") or "Hessian  " in line)
    assert rows["loss, at the weights"][0] == pytest.approx(values["loss"]["mean"][6][6], abs=1e-4)
    assert rows["loss, lowest on the plane"][0] == pytest.approx(min(means), abs=1e-4)
    assert rows["loss, highest"][0] == pytest.approx(max(means), abs=1e-4)
    largest = values["curvature"]["eigenvalue"]
    assert rows["largest eigenvalue of the Hessian"] == pytest.approx(list(largest.values()), abs=1e-4)
    assert f"{PLANE - 3} more values" in short[-1]
    every, _ = printed("landscape", "--runs", "vit-quick", "--verbose")
    assert len([line for line in every if line.startswith("loss ")]) == PLANE
    assert "more values" not in every[-1]


def test_distance_prints_the_reach_of_first_and_last_block_before_the_layers():
    reach = stored("vit-cifar10", "distance")["values"]["reach"]
    lines, _ = printed("distance", "--runs", "vit-cifar10")
    first, last = (f"{reach['mean'][i]:.2f} ± {reach['error'][i]:.2f}" for i in (1, -1))
    assert lines[1].index(first) < lines[1].index(last)
    assert len([line for line in lines if " block " in line and line.startswith("mean distance")]) == 6
    assert "96 more values" in lines[-1]  # 6 blocks of 8 heads: distance and entropy


@pytest.mark.parametrize(("name", "told"), [("vit-quick", True), ("vit-cifar10", False)])
def test_result_that_cannot_be_measured_again_is_printed_with_a_line_that_says_so(name, told):
    result = stored(name, "landscape")
    _, said = printed("landscape", "--runs", name)
    about = [line for line in said if name in line]
    assert bool(about) == told
    assert all(result["date"] in line and result["commit"] in line for line in about)
    # random weights can always be made again
    assert not [line for line in printed("landscape", "--runs", name, "--untrained")[1] if name in line]


def test_shape_share_is_compared_with_that_of_random_weights():
    name = "vit-cifar10-gpu"
    trained, random = (
        stored(name, "texture-shape", untrained=u)["values"]["shape_share"] for u in (False, True)
    )
    apart = trained["mean"] - random["mean"]
    error = (trained["error"] ** 2 + random["error"] ** 2) ** 0.5
    assert abs(apart) < 2 * error
    lines, _ = printed("texture-shape", "--runs", name)
    assert f"{100 * apart:+.0f} ± {100 * error:.0f} points" in lines[1]
    assert "the same" in lines[1]
