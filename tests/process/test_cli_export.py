"""`python -m vitcore export`: the suffix sets the format, and errors are one sentence."""

from __future__ import annotations

import json
import zipfile

import onnxruntime
import pytest

from tests.command_line import check_refused, run
from tests.made_runs import own_copy
from vitcore.paths import assets_dir, runs_dir
from vitcore.runs.folder import Run, find_run


def test_onnx_file_is_written_and_its_check_reported_in_one_line(tmp_path):
    place = tmp_path / "model.onnx"
    done = run("export", "resnet-cifar10", place)
    assert done.returncode == 0, done.stderr
    message, path = done.stdout.strip().splitlines()
    assert "100 test images" in message
    assert "cifar10-mini" in message
    assert path == str(place)
    session = onnxruntime.InferenceSession(str(place), providers=["CPUExecutionProvider"])
    assert [i.shape for i in session.get_inputs()] == [["N", 3, 32, 32]]
    assert [o.name for o in session.get_outputs()] == ["logits", "probabilities"]


def test_zip_is_written_and_never_overwrites_a_file(tmp_path):
    place = tmp_path / "new" / "run.zip"
    done = run("export", "vit-cifar10", place, "--snapshots", 2, "--json")
    assert json.loads(done.stdout) == {"run": "vit-cifar10", "path": str(place)}
    names = zipfile.ZipFile(place).namelist()
    assert len([name for name in names if "/step-" in name]) == 2
    again = run("export", "resnet-cifar10", place)
    check_refused(again, str(place))
    assert zipfile.ZipFile(place).namelist() == names
    back = run("import", place)
    check_refused(back, "vit-cifar10")


def test_exported_run_can_be_imported(tmp_path):
    own, place = own_copy("vit-cifar10", tmp_path), tmp_path / "run.zip"
    assert run("export", own.path, place).returncode == 0
    back = run("import", place)
    assert (back.returncode, back.stdout.strip()) == (0, str(runs_dir() / own.id))
    assert find_run(own.id).status().result == own.status().result


def test_export_of_tested_weights_to_a_folder_needs_no_data(tmp_path, monkeypatch):
    """Offline, where complete CIFAR-10 is not: what was rounded and tested before is not tested again."""
    monkeypatch.setenv("VITLAB_DATA", str(tmp_path / "none"))
    place = tmp_path / "shared"
    done = run("export", "resnet-cifar10", place)
    assert done.returncode == 0, done.stderr
    bundled = Run(assets_dir() / "runs" / "resnet-cifar10")
    assert Run(place).best.read_bytes() == bundled.best.read_bytes()
    assert Run(place).status().result == bundled.status().result


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["vit-cifar10", "model.onnx", "--no-weights"], "ONNX"),
        (["vit-cifar10", "model.safetensors"], ".safetensors"),
        (["vit-cifar10", "model.txt"], ".txt"),
        (["vit-equal-time", "model.onnx"], "vit-equal-time"),
        (["vit-equal-time", "run.zip"], "--no-weights"),
    ],
)
def test_errors_are_reported_in_one_sentence(arguments, words, tmp_path):
    name, place, *more = arguments
    done = run("export", name, tmp_path / place, *more)
    check_refused(done, words)
    assert not list(tmp_path.glob("*"))
