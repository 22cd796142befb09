"""What docs/measurements.md says about replacements of a bias, compared with the stored results."""

from __future__ import annotations

import math

import pytest

from tests.conftest import ROOT
from vitcore.config import make_config
from vitcore.probes import PROBES
from vitcore.probes.store import Subject, find, images_of
from vitcore.runs.folder import find_run
from vitcore.sweeps.results import sample_curve
from vitcore.sweeps.sweep import find_sweep

ALIKE = ("vit-cifar10", "cct-cifar10", "vit-conv-stem-cifar10")
TEN_EPOCHS = "vit-ten-epochs"  # the plain ViT, trained as the last two


def section(title):
    """Return a section of the document with single spaces."""
    text = (ROOT / "docs" / "measurements.md").read_text("utf-8")
    found = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return " ".join(found.split())


def values(name, run, *, untrained=False):
    probe, found = PROBES[name], find_run(run)
    images = images_of(probe, [found], 500)
    return find(probe, [Subject(found, untrained)], images, probe.settings()).values


def accuracy(run):
    """Return the test accuracy in percent and its binomial standard error."""
    result = find_run(run).status().result
    share, count = result["test_acc"], result["n_test"]
    return 100 * share, 100 * math.sqrt(share * (1 - share) / count)


def test_lead_of_the_cct_on_few_images_has_the_error_of_the_difference():
    (cct, one), (vit, other) = accuracy("cct-quick"), accuracy("vit-quick")
    assert (
        f"ahead of the ViT by {cct - vit:.1f} points (standard error of the difference "
        f"{math.hypot(one, other):.1f})"
    ) in section("A little convolution, and a flatter minimum")
    text = section("The loss landscape")
    sam, error = accuracy("vit-sam-quick")
    assert f"difference of {vit - sam:.1f} points" in text
    assert f"within two standard errors ({math.hypot(error, other):.1f} points)" in text


def test_leads_after_ten_epochs_are_stated():
    text = section("A little convolution, and a flatter minimum")
    plain, cct, stem = (accuracy(name)[0] for name in ALIKE)
    assert (
        f"the CCT is {cct - plain:.1f} points ahead of the plain ViT, and the ViT with a conv stem "
        f"{plain - stem:.1f} points behind it"
    ) in text
    plain, one = accuracy(TEN_EPOCHS)
    others = [accuracy(name)[1] for name in ALIKE[1:]]
    assert (
        f"the conv stem is {stem - plain:.1f} points ahead of the plain ViT, and the CCT {cct - plain:.1f} "
        f"(standard error of the difference at most {math.hypot(one, max(others)):.1f})"
    ) in text


def test_reach_of_a_conv_stem_is_stated():
    text = section("A little convolution, and a flatter minimum")
    patches, first = values("distance", "vit-conv-stem-cifar10").reach.mean[:2]
    plain_patches, plain = values("distance", "vit-cifar10-gpu").reach.mean[:2]
    alike = values("distance", TEN_EPOCHS).reach.mean[1]
    assert (
        f"reads farther ({first:.1f} pixels) than that of the plain ViT ({alike:.1f}, and {plain:.1f} after "
        "88 epochs)"
    ) in text
    assert f"what is near ({patches:.1f} pixels, a patch {plain_patches:.1f})" in text
    random, plain = (
        values("distance", name, untrained=True).reach.mean[1]
        for name in ("vit-conv-stem-cifar10", "vit-cifar10-gpu")
    )
    assert f"reads {random:.1f} pixels away (the plain ViT {plain:.1f})" in text


def test_differences_between_the_small_models_are_stated():
    points = {(p["label"], p["share"]): p for p in sample_curve(find_sweep("samples-small").runs)}
    shares = sorted({share for _, share in points})
    text = section("Seven small models")

    def span(first, second, shares=shares):
        """Return the smallest and the largest lead of one line over another in whole points."""
        apart = [100 * (points[first, s]["mean"] - points[second, s]["mean"]) for s in shares]
        return f"{min(apart):.0f} to {max(apart):.0f}"

    tuned = "ViT from mae-small"
    assert f"ahead of the ViT from scratch by {span(tuned, 'ViT')} points" in text
    assert f"of the ResNet by {span(tuned, 'ResNet')}." in text
    assert f"the convolutional stem by {span('ViT (conv stem)', 'ViT')} points" in text
    assert f"its tokens at the end, by {span('CCT', 'ViT')}." in text
    sam = span("ViT", "ViT (SAM radius 0.1)", shares[1:])
    assert f"From 10 % of the images on, it costs {sam} points" in text
    ends = [(points[label, 0.25], points[label, 1.0]) for label in {label for label, _ in points}]
    most = max(100 * (last["mean"] - first["mean"]) for first, last in ends)
    error = max(
        100 * math.sqrt(sum(p["mean"] * (1 - p["mean"]) / p["n_test"] for p in both)) for both in ends
    )
    assert (
        f"no model gains more than {most:.1f} points (standard error of a difference over the test images "
        f"{error:.1f})"
    ) in text
    seen = [p["steps"] * p["batch_size"] / p["images"] for p in ends[0]]
    assert f"{seen[0]:.1f} times each image of a quarter, but only {seen[1]:.1f} times each of all" in text


@pytest.mark.parametrize(
    "run", [*ALIKE, TEN_EPOCHS, "resnet-cifar10", "vit-cifar10-gpu", "resnet-cifar10-gpu"]
)
def test_accuracies_under_corruptions_are_stated(run):
    found = values("corruptions", run)
    mean = found.curves["accuracy, mean of all"]
    cells = [f"{100 * mean.mean[x]:.1f} ± {100 * mean.error[x]:.1f} %" for x in (0, 5)]
    assert f"| `{run}` | {find_run(run).status().epoch:.0f} | {' | '.join(cells)} |" in section("Corruptions")


def test_lead_of_the_cct_under_corruptions_has_the_largest_error_that_it_can_have():
    def worst(run):
        mean = values("corruptions", run).curves["accuracy, mean of all"]
        return 100 * mean.mean[5], 100 * mean.error[5]

    (vit, other), (cct, one), (stem, _) = map(worst, ALIKE)
    text = section("Corruptions")
    assert f"The CCT is {cct - vit:.1f} points ahead of the ViT" in text
    # both see the same images, which makes the error of the difference smaller than that of independent ones
    assert f"(standard error at most {math.hypot(one, other):.1f})" in text
    assert f"With a conv stem, the ViT is {vit - stem:.1f} points behind it" in text
    assert f"and {stem - worst(TEN_EPOCHS)[0]:.1f} ahead of the plain ViT with the same ten epochs" in text
    assert {find_run(name).config.augment for name in (*ALIKE, TEN_EPOCHS)} == {"trivial"}
    assert find_run("resnet-cifar10").config.augment == "shift"


def test_what_the_recipe_of_pretraining_reaches_is_not_claimed():
    recipe, longest = make_config("pretrain", model="vit"), find_run("mae-small")
    text = section("Pretraining without labels")
    assert f"recipe `pretrain` itself, {recipe.epochs} epochs of the larger ViT" in text
    assert longest.config.epochs == 10
    assert f"with a loss of {longest.status().result['test_loss']:.3f}" in text
