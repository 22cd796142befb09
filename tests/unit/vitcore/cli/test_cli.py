"""The command line as a user types it: results on stdout, one sentence and exit code 2 for a wrong input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import ROOT
from tests.published_site import write_checkpoint
from vitcore.config import dump_config, make_config
from vitcore.paths import runs_dir
from vitcore.runs.folder import Run, list_runs


def run(*arguments, timeout=300):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "vitcore", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env=environment, check=False
    )


def tiny(colours, *more):
    options = [
        "--set",
        "embed_dim=16",
        "--set",
        "hidden_dim=32",
        "--set",
        "num_heads=2",
        "--set",
        "num_layers=2",
    ]
    return [
        "--data",
        f"folder:{colours}",
        "--epochs",
        1,
        "--batch-size",
        16,
        "--device",
        "cpu",
        *options,
        *more,
    ]


def test_import_prints_the_run_folder_last_and_refuses_with_a_sentence(tmp_path):
    (tmp_path / "log.ckpt").write_text("epoch 1/10  val_acc 27.80 %")
    refused = run("import", tmp_path / "log.ckpt")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "not a checkpoint of the tutorial" in refused.stderr
    assert "Traceback" not in refused.stderr
    done = run("import", write_checkpoint(tmp_path, "DenseNet"))
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip().splitlines()[-1])
    assert (folder.parent, Run(folder).status().state) == (runs_dir(), "finished")


def test_a_run_is_named_and_deleted(tmp_path):
    done = run("import", write_checkpoint(tmp_path, "GoogleNet"))
    name = Path(done.stdout.strip()).name
    assert run("describe", name, "--title", "Mine", "--note", "why").returncode == 0
    assert "Nothing to change" in run("describe", name).stderr
    assert json.loads(run("runs", "--json").stdout)[-1]["title"] == "Mine"
    assert run("delete", "vit-cifar10").returncode == 2
    assert run("delete", name).returncode == 0
    assert not list_runs(bundled=False)


def test_train_prints_the_run_folder_last_and_resume_evaluate_and_runs_know_it(colours):
    done = run("train", *tiny(colours))
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip().splitlines()[-1])
    assert folder.parent == runs_dir()
    assert Run(folder).status().state == "finished"
    assert "test accuracy" in done.stderr

    scored = json.loads(run("evaluate", folder.name, "--json").stdout)
    assert scored["accuracy"] == pytest.approx(Run(folder).status().result["test_acc"], abs=1e-6)
    assert scored["n"] == 12
    assert "%, n = 12 test images" in run("evaluate", folder).stdout
    assert "epoch 1/1" in Run(folder).log.read_text()
    assert folder.name in run("runs").stdout
    assert {row["id"] for row in json.loads(run("runs", "--json").stdout)} >= {folder.name, "vit-cifar10"}

    again = run("train", "--resume", folder.name)
    assert again.returncode == 2
    assert "finished" in again.stderr

    repeated = run("train", "--config", folder / "config.yaml")
    other = Path(repeated.stdout.strip().splitlines()[-1])
    assert other != folder
    assert (other / "checkpoints/best.safetensors").read_bytes() == (
        folder / "checkpoints/best.safetensors"
    ).read_bytes()

    exported = run("export", folder, folder.parent / "small", "--snapshots", 1)
    assert exported.returncode == 0, exported.stderr
    small = Run(Path(exported.stdout.strip()))
    assert small.best.stat().st_size < 0.6 * Run(folder).best.stat().st_size
    assert not small.last.exists()
    assert [path.name for path in small.snapshots] == [Run(folder).snapshots[-1].name]
    assert (
        json.loads(run("evaluate", small.path, "--json").stdout)["accuracy"]
        == small.status().result["test_acc"]
    )


def test_launch_returns_the_folder_of_a_queued_run_and_stop_ends_it(colours):
    done = run("launch", *tiny(colours), "--set", "epochs=2000", timeout=30)
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip())
    assert Run(folder).status().state in ("queued", "running")
    assert run("stop", folder.name).returncode == 0
    end = time.monotonic() + 60
    while Run(folder).status().state not in ("stopped", "failed") and time.monotonic() < end:
        time.sleep(0.2)
    assert Run(folder).status().state == "stopped"


@pytest.fixture
def bad_data(tmp_path):
    """Folders that are not datasets, by name."""
    (tmp_path / "empty").mkdir()
    for name, content in (("text", b"not an image"), ("cut", None)):
        for kind in ("a", "b"):
            place = tmp_path / name / kind
            place.mkdir(parents=True)
            for i in range(12):
                Image.effect_noise((40, 40), 90).save(place / f"{i}.png")
            data = (place / "5.png").read_bytes()
            (place / "5.png").write_bytes(content if content is not None else data[: len(data) // 2])
    return tmp_path


@pytest.mark.parametrize("command", ["train", "launch"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "vgg"], "Unknown model 'vgg'"),
        (["--data", "mnist"], "unknown dataset 'mnist'"),
        (["--epochs", "-1"], "at least 1"),
        (["--epochs", "x"], "--epochs"),
        (["--set", "embed_dim=100"], "not divisible by num_heads"),
        (["--set", "patch_size=5"], "not divisible by patch_size 5"),
        (["--set", "patch_size"], "NAME=VALUE"),
        (["--data", "folder:BAD/empty"], "folder per class"),
        (["--data", "folder:BAD/nowhere"], "no folder"),
        (["--config", "BAD/none.yaml"], "Cannot read"),
        (["--bogus"], "--bogus"),
        (["--resume", "nothing"], "no run"),
        (["--resume", "x", "--epochs", "3"], "leave out the other options"),
        (["--resume", "x", "--title", "y"], "leave out the other options"),
        (["--config", "CONFIG", "--recipe", "tutorial"], "leave out --recipe"),
        (["--set", "model=[1]"], "Unknown model"),
        (["--set", "recipe=[1]"], "Unknown recipe"),
        (["--set", "recipe=a/b"], "Unknown recipe"),
        (["--data", "folder:" + "x" * 300], "no folder"),
    ],
)
def test_wrong_input_gets_one_sentence_and_leaves_nothing(bad_data, command, arguments, words):
    (bad_data / "good.yaml").write_text(dump_config(make_config()))
    places = {"BAD": str(bad_data), "CONFIG": str(bad_data / "good.yaml")}
    for word, place in places.items():
        arguments = [a.replace(word, place) for a in arguments]
    done = run(command, *arguments)
    assert done.returncode == 2
    assert words.lower() in done.stderr.lower()
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not done.stdout
    assert not runs_dir().exists() or not [p for p in runs_dir().iterdir() if not p.name.startswith(".")]


@pytest.mark.parametrize("name", ["text", "cut"])
def test_a_folder_with_a_broken_image_is_refused_before_a_run_is_made(bad_data, name):
    done = run("train", "--data", f"folder:{bad_data / name}", "--epochs", 1)
    assert done.returncode == 2
    assert "5.png" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not runs_dir().exists()


@pytest.mark.parametrize(
    "command",
    [
        "",
        "train",
        "launch",
        "evaluate",
        "runs",
        "stop",
        "data",
        "export",
        "probe",
        "import",
        "describe",
        "delete",
    ],
)
def test_help_everywhere(command):
    done = run(*filter(None, [command]), "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_evaluate_on_another_dataset(colours):
    done = run("evaluate", "resnet-cifar10", "--data", "cifar10-mini", "--json")
    assert json.loads(done.stdout)["n"] == 1000
    wrong = run("evaluate", "resnet-cifar10", "--data", f"folder:{colours}")
    assert (wrong.returncode, "other classes" in wrong.stderr) == (2, True)


def test_ctrl_c_saves_and_a_second_one_ends_at_once(colours):
    for presses, reason in ((1, "stopped on request"), (2, "interrupted")):
        arguments = map(str, ["train", *tiny(colours, "--set", "epochs=5000")])
        child = subprocess.Popen(
            [sys.executable, "-m", "vitcore", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        end = time.monotonic() + 60
        while not any(r.status().step for r in newest()) and time.monotonic() < end:
            time.sleep(0.1)
        found = newest()[0]
        for _ in range(presses):
            child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=60)
        assert found.status().state == "stopped"
        # the second press may come after the first one has already saved
        assert found.status().reason.startswith((reason, "stopped on request"))
        assert out.strip() == str(found.path)


def newest():
    return [r for r in list_runs(bundled=False) if r.status().state == "running"]


def test_data_counts():
    assert run("data", "cifar10-mini").stdout.startswith("cifar10-mini: 4,000 training and 1,000 test images")
