"""The command line in child processes: exit codes, output, Ctrl-C, resume, the queue."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import check_refused, run, run_process
from tests.conftest import ROOT, TINY_VIT
from tests.process.trainings import wait_for, wait_until_training
from tests.waiting import until
from vitcore.paths import runs_dir
from vitcore.runs.folder import Run, list_runs


def tiny(colors, *more):
    words = ["--data", f"folder:{colors}", "--epochs", 1, "--batch-size", 16, "--device", "cpu"]
    for name in ("embed_dim", "hidden_dim", "num_heads", "num_layers"):
        words += ["--set", f"{name}={TINY_VIT[name]}"]
    return [*words, *more]


def test_invalid_input_exits_with_code_2_and_one_line():
    check_refused(run_process("train", "--model", "vgg"), "vgg")
    check_refused(run_process("runs", "--bogus"), "--bogus")


def test_run_printed_by_train_is_found_by_other_commands(colors):
    done = run_process("train", *tiny(colors))
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip().splitlines()[-1])
    assert folder.parent == runs_dir()
    assert Run(folder).status().state == "finished"
    accuracy = Run(folder).status().result["test_acc"]
    assert f"{100 * accuracy:.2f} %" in done.stderr
    assert "epoch 1/1" in Run(folder).log.read_text()

    scored = json.loads(run("evaluate", folder.name, "--json").stdout)
    assert scored["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert scored["n"] == 12
    assert f"{100 * accuracy:.2f} %" in run("evaluate", folder).stdout
    assert folder.name in run("runs").stdout
    assert {row["id"] for row in json.loads(run("runs", "--json").stdout)} >= {folder.name, "vit-cifar10"}
    check_refused(run("train", "--resume", folder.name), folder.name)

    exported = run("export", folder, folder.parent / "small", "--snapshots", 1)
    assert exported.returncode == 0, exported.stderr
    small = Run(Path(exported.stdout.strip()))
    assert small.best.stat().st_size < 0.6 * Run(folder).best.stat().st_size
    assert not small.last.exists()
    assert [path.name for path in small.snapshots] == [Run(folder).snapshots[-1].name]
    assert str(colors) not in (small.path / "config.yaml").read_text()  # a path of this machine
    again = json.loads(run("evaluate", small.path, "--data", f"folder:{colors}", "--json").stdout)
    assert again["accuracy"] == small.status().result["test_acc"]


def test_configuration_of_a_run_reproduces_it_exactly(colors):
    first = Path(run("train", *tiny(colors)).stdout.strip())
    second = Path(run("train", "--config", first / "config.yaml").stdout.strip())
    assert first != second
    weights = [(folder / "checkpoints/best.safetensors").read_bytes() for folder in (first, second)]
    assert weights[0] == weights[1]


@pytest.mark.usefixtures("fake_trainer")
def test_launched_run_outlives_its_command_and_is_stopped_by_another(colors):
    done = run_process("launch", *tiny(colors), "--set", "epochs=2000")
    assert done.returncode == 0, done.stderr
    launched = Run(Path(done.stdout.strip()))
    wait_until_training(launched)
    assert run("stop", launched.id).returncode == 0
    wait_for(launched, "stopped")


@pytest.mark.parametrize(("presses", "reasons"), [(1, ("stopped",)), (2, ("interrupted", "stopped"))])
def test_ctrl_c_saves_and_second_ctrl_c_exits_at_once(colors, presses, reasons):
    arguments = map(str, ["train", *tiny(colors, "--set", "epochs=5000")])
    child = subprocess.Popen(
        [sys.executable, "-m", "vitcore", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    (found,) = until(lambda: [r for r in list_runs(bundled=False) if r.status().step], 90)
    for _ in range(presses):
        child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert found.status().state == "stopped"
    assert found.status().reason.startswith(reasons)  # the second may come after the run has been saved
    assert out.strip() == str(found.path)
