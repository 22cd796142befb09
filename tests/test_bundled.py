"""What is bundled: real runs, measured numbers, small files, and a README that states just these."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from safetensors.numpy import load_file

import vitcore
from tests.conftest import ROOT
from vitcore.architectures import ARCHITECTURES
from vitcore.config import make_config
from vitcore.models import count_parameters
from vitcore.runs.folder import assets_dir, find_run
from vitcore.runs.metrics import read_scalars

BUNDLED = {"vit-cifar10": 3_195_146, "resnet-cifar10": 272_378}


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_run_is_an_ordinary_finished_run(name):
    run = find_run(name)
    status = run.status()
    assert run.bundled
    assert status.state == "finished"
    assert status.result["n_test"] == 10_000
    assert {v.dtype for v in load_file(run.best).values()} <= {np.dtype("float16"), np.dtype("int64")}
    assert count_parameters(vitcore.load(name)) == BUNDLED[name]
    assert not run.last.exists()
    assert run.config.data == "cifar10"


@pytest.mark.parametrize("name", BUNDLED)
def test_the_curves_end_where_the_result_says(name):
    run = find_run(name)
    scalars, result = read_scalars(run.path), run.status().result
    assert scalars["val_acc"].values.max() == pytest.approx(result["val_acc"], abs=1e-6)
    assert scalars["epoch"].values.max() == pytest.approx(run.config.epochs)
    assert len(scalars["val_acc"].values) == run.config.epochs
    assert (
        abs(scalars["test_acc"].values[-1] - result["test_acc"]) < 0.005
    )  # before rounding to half precision


@pytest.mark.slow
@pytest.mark.parametrize("name", BUNDLED)
def test_evaluating_gives_the_stated_accuracy(name, full_cifar10):
    from vitcore.models.evaluate import evaluate_run

    run = find_run(name)
    assert evaluate_run(run, "cifar10").accuracy == run.status().result["test_acc"]


@pytest.mark.parametrize("name", BUNDLED)
def test_the_readme_states_the_measured_accuracy(name):
    accuracy = f"{100 * find_run(name).status().result['test_acc']:.2f} %"
    lines = [line for line in (ROOT / "README.md").read_text().splitlines() if name in line]
    assert any(accuracy in line for line in lines), accuracy


@pytest.mark.parametrize("name", BUNDLED)
def test_the_recipe_modern_states_what_the_bundled_run_gave(name):
    run = find_run(name)
    stated, result = ARCHITECTURES[run.config.model].measured["modern"], run.status().result
    assert stated.test_acc == result["test_acc"]
    assert (stated.count, stated.data, stated.epochs) == (
        result["n_test"],
        run.config.data,
        run.config.epochs,
    )
    assert stated.minutes == pytest.approx(run.status().active_s / 60, abs=0.06)
    config = make_config("modern", model=run.config.model, data="cifar10")
    assert config.model_copy(update={"classes": run.config.classes}) == run.config


@pytest.mark.parametrize("name", BUNDLED)
def test_the_stored_first_look_is_what_the_model_gives(name, tmp_path):
    import torch

    from vitcore.analysis.first_look import look
    from vitcore.data import load_dataset

    with np.load(find_run(name).path / "probes" / "first-look.npz") as stored:
        index, maps, probabilities = stored["index"], stored["maps"], stored["probabilities"]
    test = load_dataset("cifar10-mini").test
    assert test.labels[index].tolist() == list(range(10))
    again = look(vitcore.load(name), torch.from_numpy(test.images[index]))
    assert np.allclose(maps, again[0].numpy(), atol=1e-4)
    assert np.allclose(probabilities, again[1].numpy(), atol=1e-4)


def test_the_repository_stays_light():
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(
        b"\0"
    )
    sizes = {
        f.decode(): (ROOT / f.decode()).stat().st_size for f in files if f and (ROOT / f.decode()).is_file()
    }
    assert sum(sizes.values()) < 60e6
    assert not [f for f in sizes if f.endswith(".ipynb")]
    long = [f for f in sizes if f.endswith(".py") and len((ROOT / f).read_text().splitlines()) > 350]
    assert not long
    assert assets_dir() == ROOT / "assets"
