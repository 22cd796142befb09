"""Speed and memory are measured in a separate process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.conftest import ROOT, TINY_VIT
from tests.made_runs import make_run
from vitcore.__main__ import app
from vitcore.probes import SPEED
from vitcore.probes.scores import speed_set, speed_settings
from vitcore.probes.store import Subject, find
from vitcore.probes.table import rows as rows_of
from vitcore.runs.machine_load import peak_memory


def stored_speed(run):
    return find(SPEED, [Subject(run)], speed_set(run), speed_settings())


@pytest.mark.slow
def test_speed_is_measured_in_a_separate_process(tmp_path):
    run = make_run(tmp_path / "runs", "tiny", model="vit", **TINY_VIT)
    assert stored_speed(run) is None
    done = CliRunner().invoke(app, ["probe", "speed", "--runs", run.id, "--json"])
    assert done.exit_code == 0, done.output
    assert not done.stderr  # random pixels: nothing is said about a number of test images
    found = stored_speed(run).values
    assert found.model_dump() == json.loads(done.stdout)[0]["values"]
    assert found.batch == 128
    assert found.images_per_s > 100
    assert 50e6 < found.base_bytes <= found.memory_bytes < 3e9
    assert 0 <= found.others <= 1
    training = found.training
    assert training.images_per_s < found.images_per_s  # with gradients, and on smaller batches
    assert training.memory_bytes > found.base_bytes
    assert training.batch == run.config.batch_size
    rows = {row["quantity"]: row["mean"] for row in rows_of(stored_speed(run))}
    assert rows["training, images per s"] == training.images_per_s


def test_run_that_cannot_be_measured_is_refused_in_one_sentence(tmp_path):
    run = make_run(tmp_path / "runs", "tiny", model="vit", **TINY_VIT)
    run.best.write_bytes(b"no weights")
    command = [sys.executable, "-m", "vitcore.probes.speed", str(run.path), "1", "cpu"]
    child = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert child.returncode == 2
    assert child.stderr.startswith(str(run.best))
    assert child.stderr.count("\n") == 1


def test_peak_memory_excludes_the_parent_process():
    held = np.ones(60_000_000)  # 480 MB in this process only
    code = "from vitcore.runs.machine_load import peak_memory; print(peak_memory())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert peak_memory() > held.nbytes
    assert 5e6 < int(child.stdout) < 0.4 * held.nbytes


@pytest.mark.slow
def test_missing_images_give_no_training_speed_with_a_reason(tmp_path, colors):
    images = shutil.copytree(colors, tmp_path / "images")
    run = make_run(tmp_path / "runs", "tiny", model="vit", data=f"folder:{images}", **TINY_VIT)
    shutil.rmtree(images)
    done = CliRunner().invoke(app, ["probe", "speed", "--runs", run.id, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)[0]["values"]
    assert found["images_per_s"] > 100
    assert found["training"] is None
    assert str(images) in found["no_training"]
