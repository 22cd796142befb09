"""The bundled talk about what replaces an inductive bias states the numbers of the bundled results."""

from __future__ import annotations

import pytest

from dashboard.inductive_bias import summary
from dashboard.shared import page_runs
from dashboard.talk import scenes
from dashboard.talk.files import parse_link, read_talk
from vitcore.paths import assets_dir
from vitcore.probes import PROBES
from vitcore.probes.store import Subject, find, images_of
from vitcore.runs.folder import find_run
from vitcore.sweeps.results import sample_curve
from vitcore.sweeps.sweep import find_sweep

VIT, RESNET = "vit-cifar10-gpu", "resnet-cifar10-gpu"
PAIR = (VIT, RESNET)


@pytest.fixture(scope="module")
def steps():
    return {step.title: step for step in read_talk(assets_dir() / "talks" / "replace.yaml").steps}


def values(name, run, *, untrained=False):
    probe, runs = PROBES[name], [find_run(run)]
    images = images_of(probe, runs, 500)
    return find(probe, [Subject(runs[0], untrained)], images, probe.settings()).values.model_dump()


def rounded(mean, error=None):
    return f"{100 * mean:.0f}" + (f" ± {100 * error:.0f} %" if error is not None else " %")


def at(curve, found, x):
    i = found["x"].index(x)
    return rounded(found["curves"][curve]["mean"][i], found["curves"][curve]["error"][i])


def test_reach_before_training_is_stated_for_the_extreme_rows_the_pair_and_the_mixer(steps):
    rows, _ = summary.rows_of(summary.look_up(summary.models(page_runs.offered("inductive_bias"))))
    reach = {row.label: row.untrained["distance"].mean for row in rows if "distance" in row.untrained}
    near, far = min(reach, key=lambda name: reach[name]), max(reach, key=lambda name: reach[name])
    assert (rows[0].label, reach["ResNet"], reach["ViT"]) == (
        near,
        *(values("distance", run, untrained=True)["reach"]["mean"][1] for run in (RESNET, VIT)),
    )
    step = steps["Models with different assumptions"]
    assert (
        f"the first block of {near} reads on average {reach[near]:.1f} pixels away: the ResNet "
        f"{reach['ResNet']:.1f}, the ViT {reach['ViT']:.1f}, the MLP-Mixer {reach['MLP-Mixer']:.1f}."
    ) in step.say
    assert far == "ViT (conv stem)"
    assert f"Its first block reads farthest ({reach[far]:.1f})" in step.note
    order = [row.label for row in rows]
    assert order.index(far) == order.index("ViT") - 1  # above the plain one


def test_accuracies_with_a_tenth_of_the_images_are_stated(steps):
    rows = {
        row["model"]: row for row in sample_curve(find_sweep("samples-cifar10").runs) if row["share"] == 0.1
    }
    resnet, vit = (f"{100 * rows[name]['mean']:.1f} %" for name in ("resnet", "vit"))
    assert (
        f"and 3,500 steps, the ResNet classifies {resnet} of the test images correctly, and the ViT {vit}"
        in steps["The price"].say
    )
    sizes = {name: row["parameters"] / 1e6 for name, row in rows.items()}
    assert (
        f"ResNet has {sizes['resnet']:.2f} million parameters, the ViT {sizes['vit']:.2f}"
        in steps["The price"].note
    )


def test_accuracies_of_the_small_models_are_stated_and_answer_the_question(steps):
    rows = [row for row in sample_curve(find_sweep("samples-small").runs) if row["share"] == 0.1]
    found = {row["label"]: row["mean"] for row in rows}
    sam, stem, cct, pretrained = (
        found[label] for label in ("ViT (SAM radius 0.1)", "ViT (conv stem)", "CCT", "ViT from mae-small")
    )
    step = steps["What helps a small ViT?"]
    values = (found["ViT"], sam, stem, cct, pretrained)
    assert step.say == (
        "The small ViT reaches {} %. SAM: {} %. A convolutional stem: {} %. CCT: {} %. "
        "Pretrained, with 7,030 more steps: {} %."
    ).format(*(f"{100 * value:.1f}" for value in values))
    resnet, mixer = (f"{100 * found[label]:.1f} %" for label in ("ResNet", "MLP-Mixer"))
    assert f"The ResNet reaches {resnet}, the MLP-Mixer {mixer}." in step.note
    best = {"pretraining without labels": pretrained, "a search for flat minima": sam}
    best["two convolutions in front of it"] = max(stem, cct)
    assert step.answer == max(best, key=lambda name: best[name])
    assert set(step.answers) == set(best)
    assert {(row["steps"], row["batch_size"], tuple(row["seeds"])) for row in rows} == {(1000, 64, (0, 1))}
    start = find_run("mae-small")
    assert (start.status().step, start.status().result["n_train"]) == (7030, 45_000)


def test_rises_of_the_loss_with_and_without_sam_are_stated(steps):
    plain, sam = (values("landscape", name)["rise"]["mean"] for name in ("vit-quick", "vit-sam-quick"))
    step = steps["How flat is a minimum?"]
    assert f"loss of the ViT rises by {plain:.2f}. With SAM it rises by {sam:.2f}, but" in step.say
    accuracies = []
    for name in ("vit-sam-quick", "vit-quick"):
        result = find_run(name).status().result
        share, count = result["test_acc"], result["n_test"]
        accuracies.append(f"{100 * share:.1f} ± {100 * (share * (1 - share) / count) ** 0.5:.1f} %")
    assert f"does not help accuracy: {' instead of '.join(accuracies)}." in step.say


def test_gains_of_a_longer_training_are_stated(steps):
    step = steps["More time and stronger augmentation"]
    for label, name in (("ViT", "vit"), ("ResNet", "resnet")):
        short, long = (find_run(f"{name}-cifar10{end}").status().result["test_acc"] for end in ("", "-gpu"))
        assert f"{label} gains {100 * (long - short):.1f}" in step.say
        assert f"{label}: {100 * short:.1f} and {100 * long:.1f} %" in step.note


def test_shares_of_experiments_are_stated(steps):
    curve = "consistency, reflect"
    short, long = (at(curve, values("shift", run), 4) for run in ("vit-cifar10", VIT))
    step = steps["What the longer training taught"]
    assert f"After 20 epochs, {short} of" in step.say
    assert f"After 88 epochs, {long}." in step.say
    others = {at(curve, values("shift", run), 4) for run in ("resnet-cifar10", RESNET)}
    assert all(f"For the ResNet it is {share} after both" in step.note for share in others)
    shuffled = [values("shuffle", run) for run in PAIR]
    vit, resnet = (at("accuracy", found, 4) for found in shuffled)
    step = steps["It does not become a ResNet"]
    assert f"classifies {vit} of the images correctly, the ResNet {resnet}." in step.say
    vit, resnet = (found["curves"]["accuracy"]["mean"][0] for found in shuffled)
    assert f"{100 * vit:.0f} and {100 * resnet:.0f} %" in step.note
    vit, resnet = (at("accuracy, mean of all", values("corruptions", run), 5) for run in PAIR)
    (step,) = (step for step in steps.values() if "probe=Corruptions" in step.link)
    assert f"right for {vit} of the images, the ResNet for {resnet}." in step.say


def test_accuracies_of_models_with_convolutions_in_front_are_stated(steps):
    names = ("vit-ten-epochs", "vit-conv-stem-cifar10", "cct-cifar10", "vit-cifar10")
    plain, stem, cct, longer = (100 * find_run(name).status().result["test_acc"] for name in names)
    assert [find_run(name).status().epoch for name in names] == [10, 10, 10, 20]
    step = steps["Your own answer"]
    assert (
        f"the plain ViT reaches {plain:.1f} %, with a convolutional stem {stem:.1f} %, and a CCT {cct:.1f} %."
    ) in step.say
    assert f"{cct - longer:.1f} points ahead of the plain ViT after twenty epochs" in step.note
    assert step.link == "compare?runs=vit-ten-epochs,vit-conv-stem-cifar10,cct-cifar10"
    plain, stem, cct, _ = (at("accuracy, mean of all", values("corruptions", name), 5) for name in names)
    (step,) = (step for step in steps.values() if "probe=Corruptions" in step.link)
    assert (
        f"After the same ten epochs, the CCT is right for {cct}, the ViT with a convolutional stem for "
        f"{stem}, and the plain ViT for {plain}."
    ) in step.note


def test_panels_of_the_corruptions_are_those_that_the_title_of_the_slide_names(steps):
    (step,) = (step for step in steps.values() if "probe=Corruptions" in step.link)
    ((figure, _),) = scenes.scene(*parse_link(step.link)).parts
    titles = [note.text for note in figure.layout.annotations if note.text != "chance"]
    assert titles == ["Mean of all corruptions", "Fog", "JPEG"]
    assert step.title == "Fog, compression and other corruptions"
