"""Experiments on images without labels: they compare predictions with those for the unchanged image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.command_line import check_refused
from tests.command_line import run as vitcore
from tests.made_runs import make_run
from vitcore.analysis.robustness import predict
from vitcore.models import load_run
from vitcore.paths import runs_dir
from vitcore.probes import HEADS, PROBES, Outcome, View
from vitcore.probes.experiments.shift import ShiftValues
from vitcore.probes.statistics import parts
from vitcore.runs.folder import find_run

SIZE = 16
RUN = find_run("vit-cifar10")
WITH_CLASSIFIER = [name for name, probe in PROBES.items() if probe.needs == "classifier"]


class BrightestColumn(nn.Module):
    """The class of an image is the number of its brightest column."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(1, 2))


def last(probe, model, images, labels):
    *_, (_, values) = probe.steps(model, None, images, labels, probe.settings())
    return values


def pixels(count: int = 12) -> torch.Tensor:
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8))


def test_only_shifts_to_the_side_change_the_class_of_the_brightest_column():
    images = torch.zeros(8, 3, SIZE, SIZE, dtype=torch.uint8)
    images[:, :, :, 5] = 255
    values = last(PROBES["shift"], BrightestColumn(), images, None)
    assert set(values.curves) == {f"consistency, {border}" for border in ("reflect", "zero", "circular")}
    circular = values.curves["consistency, circular"]
    # images 0, 1, 4 and 5 of 8 move right and left: their class changes with every shift
    assert circular.mean == [1.0] + [0.5] * (len(values.x) - 1)
    assert circular.error[1:] == pytest.approx([np.sqrt(0.25 / 8)] * (len(values.x) - 1), abs=1e-6)


@pytest.mark.parametrize("name", ["occlusion", "corruptions"])
def test_consistency_is_the_accuracy_for_labels_that_are_the_predictions(name):
    model, images = load_run(RUN), pixels()
    predicted = predict(model, images).numpy()
    same, right = (last(PROBES[name], model, images, labels) for labels in (None, predicted))
    assert {
        key.replace("consistency", "accuracy"): curve for key, curve in same.curves.items()
    } == right.curves


def test_ablation_without_labels_changes_the_share_of_the_predictions_of_the_whole_model():
    model, images = load_run(RUN), pixels()
    predicted = predict(model, images).numpy()
    same, right = (last(PROBES["ablation"], model, images, labels) for labels in (None, predicted))
    assert (same.base, right.base.mean) == (None, 1.0)
    assert (same.blocks, same.heads) == (right.blocks, right.heads)
    assert {row["quantity"].partition("change of ")[2].split()[0] for row in same.rows()} == {"consistency"}


@pytest.mark.parametrize("name", ["shift", "shuffle"])
def test_curves_of_the_consistency_do_not_depend_on_labels(name):
    model, images = load_run(RUN), pixels()
    with_labels = last(PROBES[name], model, images, np.zeros(len(images), int))
    without = last(PROBES[name], model, images, None)
    assert without.curves == {k: v for k, v in with_labels.curves.items() if k.startswith("consistency")}


@pytest.mark.parametrize("name", WITH_CLASSIFIER)
def test_finding_without_labels_names_no_accuracy(name):
    probe = PROBES[name]
    values = last(probe, load_run(RUN), pixels(4), None)
    found = probe.find([Outcome("ViT", values)], View())
    assert found
    assert "ccuracy" not in found


def test_heads_without_labels_are_described_but_not_ablated():
    model, images = load_run(RUN), pixels(4)
    labels = np.zeros(len(images), int)
    with_labels, without = (last(HEADS, model, images, given) for given in (labels, None))
    described = {"distance", "entropy", "to_self", "position", "to_cls"}
    assert set(without.model_dump()) == described
    assert with_labels.ablated == 4
    assert without.model_dump() == with_labels.model_dump(include=described)


def test_curves_of_some_borders_only_are_not_valid():
    curve = {"mean": [1.0], "error": [0.0]}
    for names in (["consistency, zero"], [*ShiftValues.unlabeled, "accuracy, zero"]):
        with pytest.raises(ValueError, match="curves"):
            ShiftValues(x=[0], unit="pixels", curves=dict.fromkeys(names, curve))


@pytest.mark.parametrize(("side", "most"), [(32, 10), (64, 10), (224, 1), (518, 1)])
def test_large_images_are_measured_one_by_one(side, most):
    images = torch.zeros(1).expand(12, 3, side, side)
    covered = [np.arange(12)[part] for part in parts(images)]
    assert np.concatenate(covered).tolist() == list(range(12))
    assert max(map(len, covered)) == most


def test_command_measures_photographs_and_leaves_out_of_all_what_needs_labels():
    small = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 2, "patch_size": 16}
    run = make_run(runs_dir(), "foreign", data="photos", image_size=32, classes=tuple("abc"), **small)
    done = vitcore("probe", "all", "--runs", run.id, "--images", "4")
    assert done.returncode == 0, done.stderr
    assert "Left out: texture-shape" in done.stderr
    assert "consistency, reflect" in done.stdout
    assert "n = 4 bundled photographs" in done.stdout
    check_refused(vitcore("probe", "texture-shape", "--runs", run.id, "--images", "4"), "labels")
