"""The bundled talk states the numbers of the bundled results."""

from __future__ import annotations

import pytest

from dashboard.overview.budgets import budgets
from dashboard.patches import weights
from dashboard.talk.files import read_talk
from vitcore.analysis.heads import patch_distances
from vitcore.paths import assets_dir
from vitcore.probes import PROBES
from vitcore.probes.store import Subject, find, images_for
from vitcore.runs.folder import find_run
from vitcore.sweeps.results import sample_curve
from vitcore.sweeps.sweep import find_sweep

RUNS = ("vit-cifar10-gpu", "resnet-cifar10-gpu")
EQUAL_EPOCHS = ("vit-cifar10", "resnet-cifar10")


@pytest.fixture(scope="module")
def steps():
    return {step.title: step.say for step in read_talk(assets_dir() / "talks" / "why.yaml").steps}


@pytest.fixture(scope="module")
def notes():
    return {step.title: step.note for step in read_talk(assets_dir() / "talks" / "why.yaml").steps}


def values(probe, run):
    runs = [find_run(run)]
    settings = PROBES[probe].settings()
    return find(PROBES[probe], [Subject(runs[0])], images_for(runs, 500), settings).values.model_dump()


@pytest.mark.parametrize(
    ("title", "probe", "curve", "x", "words"),
    [
        (
            "Shuffle the parts",
            "shuffle",
            "accuracy",
            4,
            "ViT classifies {} of the images correctly, the ResNet {}",
        ),
        ("Hide parts", "occlusion", "accuracy, random", 32, "{} of the images correctly, the ResNet {}"),
        (
            "Move the image",
            "shift",
            "consistency, reflect",
            4,
            "{} of the ViT's predictions stay the same, and {}",
        ),
    ],
)
def test_curves_of_experiments_are_stated(steps, title, probe, curve, x, words):
    values_text = []
    for run in RUNS:
        found = values(probe, run)
        i = found["x"].index(x)
        mean, error = (100 * found["curves"][curve][k][i] for k in ("mean", "error"))
        values_text.append(f"{mean:.0f} ± {error:.0f} %")
    assert words.format(*values_text) in steps[title]


def test_most_similar_positions_are_adjacent_or_mirrored(steps):
    """The most similar position, which the page states for each tile, is a neighbor or mirrored."""
    similarity = weights.learned(find_run(RUNS[0])).similarity
    side = round(len(similarity) ** 0.5)
    for token, values in enumerate(similarity):
        best = max((value, other) for other, value in enumerate(values) if other != token)[1]
        (row, column), (row2, column2) = divmod(token, side), divmod(best, side)
        adjacent = max(abs(row - row2), abs(column - column2)) == 1
        assert adjacent or (row, side - 1 - column) == (row2, column2)
    assert (
        "an adjacent patch or of its mirror image" in steps["A ViT has to learn which patches are neighbors"]
    )


def test_attention_distances_are_stated(steps, notes):
    heads = values("distance", RUNS[0])["heads"]["mean"]
    low, high = round(min(heads[0])), round(max(heads[0]))
    low_2, high_2 = round(min(heads[1])), round(max(heads[1]))
    note = notes["Every patch can attend to every other one"]
    assert f"In layer 2, heads look {low_2} to {high_2} pixels away" in note
    assert f"{low} to {high} pixels" in steps["Every patch can attend to every other one"]
    even = float(patch_distances(8, 4).mean())
    assert f"it would be {even:.1f} pixels" in notes["Every patch can attend to every other one"]
    reach = [values("receptive-field", run)["reach"]["mean"][1] for run in RUNS]
    say = steps["Locality is built into a ResNet"]
    assert f"{reach[0]:.1f} pixels away on average in the ViT" in say
    assert f"and {reach[1]:.1f} in the ResNet" in say
    note = notes["Locality is built into a ResNet"]
    assert f"The heads of layer 1 look {low} to {high} pixels away. The {reach[0]:.1f} pixels" in note


def test_accuracies_are_stated(steps):
    say = steps["With all 45,000 images"]
    for label, run in zip(("ViT", "ResNet"), EQUAL_EPOCHS, strict=True):
        found = find_run(run)
        assert found.config.epochs == 20
        result = found.status().result
        assert result["n_val"] == 5000  # as the source of the step says
        share, count = result["test_acc"], result["n_test"]
        error = (share * (1 - share) / count) ** 0.5  # binomial standard error
        words = f"{100 * share:.1f} ± {100 * error:.1f} %"
        assert f"the {label} classifies {words} of" in say or f"the {label} {words}" in say


def test_gaps_after_three_trainings_are_stated(steps, notes):
    published, short, long = budgets(("vit", "resnet"))
    assert [run.id for run in (*short.runs, *long.runs)] == [*EQUAL_EPOCHS, *RUNS]
    say = steps["A strong recipe replaces most of it"]
    assert f"As published, the ResNet is ahead by {published.gap:.1f} points" in say
    assert f"after 20 epochs by {short.gap:.1f}. With 85 to 88 epochs" in say
    assert f"by {long.gap:.1f}." in say
    original = [100 * values("shuffle", run)["curves"]["accuracy"]["mean"][0] for run in RUNS]
    assert "For the original images: {:.0f} and {:.0f} %".format(*original) in notes["Shuffle the parts"]
    consistent = [values("shift", run)["curves"]["consistency, reflect"]["mean"] for run in RUNS]
    assert all(abs(a - b) < 0.05 for a, b in zip(*consistent, strict=True) if min(a, b) > 0.8)


def test_sample_efficiency_is_stated(steps, notes):
    runs = find_sweep("samples-cifar10").runs
    rows = {(r["model"], r["share"]): r["mean"] for r in sample_curve(runs)}
    say = steps["The price of learning it from data"]
    sizes = {r["model"]: r["parameters"] / 1e6 for r in sample_curve(runs)}
    words = f"ResNet has {sizes['resnet']:.2f} million parameters, the ViT {sizes['vit']:.1f}"
    assert words in notes["The price of learning it from data"]
    shares = sorted({share for _, share in rows})
    assert len(shares) >= 2
    gaps = [round(100 * (rows["resnet", share] - rows["vit", share])) for share in shares]
    words = [f"by {gap} with {100 * share:.0f} %" for gap, share in zip(gaps, shares, strict=True)]
    words[0] = words[0].replace(" with", " points with").replace(" %", " % of the images")
    assert ", ".join(words) in say
