"""The bundled runs, sweeps and results, and the documents that state them."""

from __future__ import annotations

import hashlib
import json
import math
import re
import subprocess

import numpy as np
import pytest
from safetensors.numpy import load_file

import vitcore
from tests.conftest import ROOT
from vitcore.architectures import ARCHITECTURES
from vitcore.config import make_config
from vitcore.models import count_parameters
from vitcore.paths import assets_dir
from vitcore.probes.estimates import Estimate
from vitcore.probes.experiments.landscape import LandscapeValues
from vitcore.probes.wording import plus_minus
from vitcore.runs.folder import find_run, list_runs
from vitcore.runs.metrics import read_scalars
from vitcore.sweeps.results import sample_curve, study_rows
from vitcore.sweeps.sweep import find_sweeps

WITHOUT_WEIGHTS = {"cct"}  # has only bundled curves
TEN_EPOCHS = {  # of `modern`, without weights: how each differs from the recipe
    "cct-cifar10": {},
    "vit-conv-stem-cifar10": {"epochs": 10, "options": {"conv_stem": True}},
    "vit-ten-epochs": {"epochs": 10},
}
BUNDLED = {  # number of parameters; the name says how it was trained
    "vit-cifar10": 3_195_146,
    "resnet-cifar10": 272_378,
    "vit-cifar10-gpu": 3_195_146,
    "resnet-cifar10-gpu": 272_378,
    "preactresnet-cifar10": 272_250,
    "mixer-cifar10": 979_210,
    "googlenet-mini": 260_650,
    "densenet-mini": 239_146,
}
PRETRAINED = "mae-small"  # without labels
CURVES = ("vit-equal-time", "tutorial-equal-time")  # without weights: curves of both in equal time
ANSWERS = ("vit-quick", "cct-quick", "vit-sam-quick", "resnet-quick")  # without weights, same images
MEASUREMENTS = ROOT / "docs" / "measurements.md"
TRAINED = {  # recipe that repeats it, data, number of test images
    "cifar10": ("modern", "cifar10", 10_000),
    "cifar10-gpu": ("gpu", "cifar10", 10_000),
    "mini": ("quick", "cifar10-mini", 1_000),
}


def test_bundled_runs_are_listed_and_cover_every_architecture():
    found = [run.id for run in list_runs() if run.bundled and run.weights]
    assert sorted(found) == sorted([*BUNDLED, PRETRAINED])
    outside_sweeps = [run.id for run in list_runs() if run.bundled and run.meta.sweep is None]
    assert sorted(outside_sweeps) == sorted([*BUNDLED, *CURVES, *ANSWERS, *TEN_EPOCHS, PRETRAINED])
    assert {find_run(name).config.model for name in found} == set(ARCHITECTURES) - WITHOUT_WEIGHTS


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_run_is_a_finished_run_with_the_stated_parameters(name):
    run = find_run(name)
    status = run.status()
    assert run.bundled
    assert status.state == "finished"
    _, data, count = TRAINED[name.split("-", 1)[1]]
    assert (run.config.data, status.result["n_test"]) == (data, count)
    assert {v.dtype for v in load_file(run.best).values()} <= {np.dtype("float16"), np.dtype("int64")}
    assert count_parameters(vitcore.load(name)) == BUNDLED[name]
    assert not run.last.exists()


@pytest.mark.parametrize("name", BUNDLED)
def test_curves_end_at_the_stored_result(name):
    run = find_run(name)
    scalars, result = read_scalars(run.path), run.status().result
    assert scalars["val_acc"].values.max() == pytest.approx(result["val_acc"], abs=1e-6)
    epochs = run.config.epochs if run.config.minutes is None else run.status().epoch
    assert scalars["epoch"].values.max() == pytest.approx(epochs, abs=0.01)
    assert len(scalars["val_acc"].values) == math.ceil(epochs)
    # Before rounding to half precision
    assert abs(scalars["test_acc"].values[-1] - result["test_acc"]) < 0.005


@pytest.mark.slow
@pytest.mark.parametrize("name", BUNDLED)
def test_model_gives_every_tenth_stored_prediction(name, full_cifar10):
    """The stored predictions of all test images have the stored accuracy, see below."""
    import torch

    from vitcore.analysis.attention import as_input
    from vitcore.probes.scores import SCALE, find_test, test_images

    run, every = find_run(name), slice(None, None, 10)
    stored, model = find_test(run, 10_000).values, vitcore.load(name)
    images = np.ascontiguousarray(test_images(run.config, 10_000).pixels[every])
    with torch.inference_mode():
        parts = [model(as_input(part, model)) for part in torch.from_numpy(images).split(100)]
    probabilities = torch.cat(parts).softmax(dim=1).numpy()
    truth = np.array(stored.truth[every])
    assert probabilities.argmax(axis=1).tolist() == stored.predicted[every]
    of_truth = SCALE * probabilities[np.arange(1000), truth]
    assert np.allclose(of_truth, stored.truth_probability[every], atol=1)


@pytest.mark.parametrize("name", BUNDLED)
def test_documents_state_the_stored_accuracy(name):
    accuracy = f"{100 * find_run(name).status().result['test_acc']:.2f} %"
    lines = [line for line in MEASUREMENTS.read_text("utf-8").splitlines() if name in line]
    assert any(accuracy in line for line in lines), accuracy


@pytest.mark.parametrize("name", BUNDLED)
def test_recipe_states_the_result_of_the_bundled_run(name):
    run = find_run(name)
    recipe = TRAINED[name.split("-", 1)[1]][0]
    stated, result = ARCHITECTURES[run.config.model].measured[recipe], run.status().result
    assert stated.test_acc == result["test_acc"]
    assert (stated.count, stated.data, stated.epochs) == (
        result["n_test"],
        run.config.data,
        round(run.status().epoch),
    )
    assert stated.minutes == pytest.approx(run.status().active_s / 60, abs=0.06)
    config = make_config(recipe, model=run.config.model, data=run.config.data)
    same = {name: getattr(run.config, name) for name in ("classes", "recipe", "device", "epochs")}
    if recipe != "gpu":  # trained as `modern` with these changes, for minutes instead of epochs
        assert (run.config.recipe, run.config.device, run.config.epochs) == (recipe, "auto", config.epochs)
    assert config.model_copy(update=same) == run.config


@pytest.mark.parametrize("name", ["vit-cifar10-gpu", "resnet-cifar10-gpu"])  # shown on the Overview page
def test_stored_maps_of_the_overview_equal_those_of_the_model(name, tmp_path):
    import torch

    from vitcore.analysis.first_look import explain
    from vitcore.data import load_dataset

    with np.load(find_run(name).path / "probes" / "first-look.npz") as stored:
        index, maps, probabilities = stored["index"], stored["maps"], stored["probabilities"]
    test = load_dataset("cifar10-mini").test
    assert test.labels[index].tolist() == list(range(10))
    computed = explain(vitcore.load(name), torch.from_numpy(test.images[index]))
    assert np.allclose(maps, computed[0].numpy(), atol=1e-4)
    assert np.allclose(probabilities, computed[1].numpy(), atol=1e-4)


@pytest.mark.parametrize("name", BUNDLED)
def test_stored_predictions_belong_to_the_weights_and_name_their_origin(name):
    from vitcore.probes.scores import find_test

    run = find_run(name)
    found = find_test(run, 1000)
    assert (found.runs, found.images) == ([name], 1000)
    assert found.command == f"python -m vitcore probe test --runs {name} --images 1000"
    assert found.commit
    assert not found.commit.endswith("+")
    hits = [a == b for a, b in zip(found.values.predicted, found.values.truth, strict=True)]
    assert found.values.accuracy == sum(hits) / 1000
    assert found.values.parameters == BUNDLED[name]
    stated = run.status().result
    if stated["n_test"] == 1000:
        assert found.values.accuracy == stated["test_acc"]
    if complete := find_test(run, 10_000):
        assert complete.values.accuracy == stated["test_acc"] or run.config.data != "cifar10"
        assert complete.values.predicted[:1000] == found.values.predicted
    sizes = [file.stat().st_size for file in (run.path / "probes").glob("test-*.json")]
    assert max(sizes) < 300_000


def test_modern_is_twelve_points_ahead_of_the_published_code_at_equal_time():
    ours, theirs = (find_run(name) for name in CURVES)
    assert ours.status().active_s == pytest.approx(theirs.status().active_s, rel=0.05)
    assert ours.status().active_s > 20 * 60
    ends = []
    for run in (ours, theirs):
        curve = read_scalars(run.path)["val_acc"].values
        assert run.status().result["val_acc"] == pytest.approx(curve.max(), abs=1e-6)
        assert run.status().result["n_val"] == 5_000
        ends.append(100 * curve.max())
    assert ends[0] - ends[1] >= 12
    text = " ".join(MEASUREMENTS.read_text("utf-8").split())
    (sentence,) = re.findall(r"- At equal time, [^;]*", text)
    assert re.findall(r"[\d.]+ %", sentence)[:2] == [f"{end:.1f} %" for end in ends]


def test_documents_state_the_quick_results_of_every_model():
    text = MEASUREMENTS.read_text("utf-8")
    for name in ARCHITECTURES:
        result = ARCHITECTURES[name].measured["quick"]
        row = f"| `{name}` | {result.minutes:.1f} | {100 * result.test_acc:.1f} % |"
        assert row in text, row


def test_documents_state_what_convolutions_and_sam_give_on_the_same_images():
    """The runs differ from the ViT's in the model, or in the radius of SAM."""
    text, configs = MEASUREMENTS.read_text("utf-8"), {}
    for name in ANSWERS:
        run = find_run(name)
        configs[name], result = run.config, run.status().result
        share, count = result["test_acc"], result["n_test"]
        error = math.sqrt(share * (1 - share) / count)
        row = f"| {result['parameters']:,} | {100 * share:.1f} ± {100 * error:.1f} % |"
        assert f"| `{name}` {row}" in text, row
        assert (run.config.recipe, run.config.data, run.config.seed) == ("quick", "cifar10-mini", 0)
        assert read_scalars(run.path)["val_acc"].values.max() == pytest.approx(result["val_acc"], abs=1e-6)
    plain, sam = configs["vit-quick"], configs["vit-sam-quick"]
    for name, config in configs.items():
        expected = make_config("quick", model=config.model).model_copy(update={"classes": plain.classes})
        assert config == (expected.model_copy(update={"sam_rho": 0.1}) if config is sam else expected), name


@pytest.mark.parametrize(("name", "changes"), TEN_EPOCHS.items())
def test_documents_state_the_results_of_ten_epochs_with_a_little_convolution(name, changes):
    run = find_run(name)
    result = run.status().result
    numbers = [f"{100 * result[key]:.2f} %" for key in ("val_acc", "test_acc")]
    row = " | ".join([f"`{name}`", f"{result['parameters']:,}", *numbers])
    assert f"| {row} |" in MEASUREMENTS.read_text("utf-8"), row
    assert result["n_test"] == 10_000
    expected = make_config("modern", model=run.config.model, data="cifar10", **changes)
    assert run.config == expected.model_copy(update={"classes": run.config.classes})
    assert (run.status().epoch, read_scalars(run.path)["val_acc"].values.max()) == (
        10,
        pytest.approx(result["val_acc"], abs=1e-6),
    )
    if not changes:
        assert ARCHITECTURES[run.config.model].measured["modern"].test_acc == result["test_acc"]


def test_documents_state_the_results_of_the_bundled_sample_sweep():
    samples = next(s for s in find_sweeps(list_runs()) if s.name == "samples-cifar10")
    rows = sample_curve(samples.runs)
    assert {(row["n_test"], tuple(row["seeds"]), row["steps"]) for row in rows} == {(10_000, (0, 1), 3500)}
    text = " ".join(MEASUREMENTS.read_text("utf-8").split())
    for name in ("vit", "resnet"):
        small, middle, large = (100 * row["mean"] for row in rows if row["model"] == name)
        assert f"{small:.1f}, {middle:.1f} and {large:.1f} %" in text
    assert f"two seeds: {100 * max(row['error'] for row in rows):.1f} points at most" in text


def test_documents_state_the_results_of_the_small_models():
    samples = next(s for s in find_sweeps(list_runs()) if s.name == "samples-small")
    rows = sample_curve(samples.runs)
    text = MEASUREMENTS.read_text("utf-8")
    for label in {row["label"] for row in rows}:
        line = [row for row in rows if row["label"] == label]
        assert [row["share"] for row in line] == [0.05, 0.1, 0.25, 1.0]
        assert {tuple(row["seeds"]) for row in line} == {(0, 1)}
        scores = [f"{100 * row['mean']:.1f} ± {100 * row['error']:.1f}" for row in line]
        cells = " | ".join([label, f"{line[0]['parameters']:,}", *scores])
        assert f"| {cells} |" in text
    assert {(row["n_test"], row["steps"], row["batch_size"]) for row in rows} == {(10_000, 1000, 64)}
    start = find_run(PRETRAINED)
    digest = hashlib.sha256(start.best.read_bytes()).hexdigest()
    tuned = [run.config for run in samples.runs if run.config.start]
    assert {(config.start, config.start_digest) for config in tuned} == {(PRETRAINED, digest)}
    assert f"{start.status().step:,} steps of 64 images without labels" in text
    assert f"loss on the test images {start.status().result['test_loss']:.3f}" in text


@pytest.mark.parametrize("run", [r for r in list_runs() if r.bundled and r.meta.sweep], ids=lambda r: r.id)
def test_runs_of_a_bundled_sweep_name_their_origin(run):
    status = run.status()
    assert status.machine
    assert status.result["parameters"]
    assert status.commit


def test_commits_of_bundled_results_are_in_the_repository():
    found = subprocess.run(["git", "rev-parse", "--is-shallow-repository"], cwd=ROOT, capture_output=True)
    if found.stdout.strip() != b"false":
        pytest.skip("no complete git checkout")
    trained = {run.status().commit.rstrip("+") for run in list_runs() if run.bundled} - {""}
    stored = (assets_dir() / "runs").glob("*/probes/*.json")
    measured = {json.loads(file.read_bytes())["commit"] for file in stored}
    assert trained
    assert measured
    for commit in trained | measured:  # an ancestor of HEAD, so that a clone contains it
        subprocess.run(["git", "merge-base", "--is-ancestor", commit, "HEAD"], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    "name",
    [
        "vit-cifar10-gpu",
        "resnet-cifar10-gpu",
        "vit-cifar10",
        "resnet-cifar10",
        "vit-quick",
        "vit-sam-quick",
        "resnet-quick",
    ],
)
def test_documents_state_the_stored_landscape(name):
    (path,) = [
        path
        for path in (find_run(name).path / "probes").glob("landscape-*.json")
        if json.loads(path.read_bytes())["runs"] == [name]
    ]
    found = LandscapeValues.model_validate(json.loads(path.read_bytes())["values"])
    middle = len(found.positions) // 2
    loss = Estimate(mean=found.loss.mean[middle][middle], error=found.loss.error[middle][middle])
    numbers = [plus_minus(one) for one in (loss, found.rise, found.curvature.eigenvalue)]
    accuracy = f"{100 * find_run(name).status().result['test_acc']:.2f} %"
    row = " | ".join([f"`{name}`", accuracy, *numbers, f"{found.curvature.residual:#.2g}"])
    assert f"| {row} |" in MEASUREMENTS.read_text("utf-8")


def test_documents_state_the_results_of_the_bundled_study():
    study = next(s for s in find_sweeps(list_runs()) if s.name == "study-cifar10-mini")
    results = {(row["setting"], row["value"]): 100 * row["mean"] for row in study_rows(study.runs)}
    assert len(study.runs) == 4  # the base is the middle patch size and pre-norm
    assert {run.status().result["n_test"] for run in study.runs} == {1000}
    sizes = [results["patch_size", size] for size in (2, 4, 8)]
    assert results["norm", "pre"] == results["patch_size", 4]
    text = " ".join(MEASUREMENTS.read_text("utf-8").split())
    assert "patches of 2, 4 and 8 pixels reach {:.1f}, {:.1f} and {:.1f} %".format(*sizes) in text
    assert f"pre-norm {results['norm', 'pre']:.1f} %, post-norm {results['norm', 'post']:.1f} %" in text


def test_repository_is_small_and_its_files_are_short():
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(
        b"\0"
    )
    sizes = {
        f.decode(): (ROOT / f.decode()).stat().st_size for f in files if f and (ROOT / f.decode()).is_file()
    }
    bundled = sum(size for f, size in sizes.items() if f.startswith("assets/"))
    assert bundled < 60e6
    assert sum(sizes.values()) - bundled < 6e6
    assert not [f for f in sizes if f.endswith(".ipynb")]
    long = [f for f in sizes if f.endswith(".py") and len((ROOT / f).read_text().splitlines()) > 350]
    assert not long
    assert assets_dir() == ROOT / "assets"


def test_no_file_of_a_package_is_copied_into_the_served_folder():
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "dashboard/static"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = {name.removeprefix("dashboard/static/") for name in listed.stdout.split()}
    assert names == {"fonts/inter.woff2", "fonts/inter-LICENSE.txt", "icon.svg"}
