"""The report on a folder of images that the commands of a training print before they start."""

from __future__ import annotations

import pytest
from PIL import Image

import vitcore.training
import vitcore.training.rehearse
from tests.command_line import check_refused, run
from tests.conftest import TINY_RESNET, make_folder
from tests.made_runs import make_run
from vitcore.data.layout import scan
from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.queue import launch

COLORS = {"a": (200, 0, 0), "b": (0, 200, 0)}


def not_started(*arguments, **options):
    raise UserError("Not started.")


@pytest.mark.parametrize(
    ("command", "module", "name"),
    [
        ("train", vitcore.training, "train"),
        ("launch", launch, "launch"),
        ("rehearse", vitcore.training.rehearse, "rehearse"),
    ],
)
def test_report_on_a_folder_is_printed_before_a_training_starts(tmp_path, monkeypatch, command, module, name):
    place = make_folder(tmp_path / "d", COLORS, 20)
    make_folder(place / "a", {"deep": (200, 0, 0)}, 3)
    (place / "a" / "notes.txt").write_text("x")
    monkeypatch.setattr(module, name, not_started)
    done = run(command, "--data", f"folder:{place}")
    report = scan(place).lines()
    assert len(report) == 3
    assert not done.stdout
    assert done.stderr.splitlines() == [*report, "Not started."]


def test_training_on_a_bundled_dataset_prints_no_report(monkeypatch):
    monkeypatch.setattr(vitcore.training, "train", not_started)
    assert run("train").stderr == "Not started.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["data", "folder:"],
        ["launch", "--data", "folder:"],
        ["rehearse", "--set", "data='folder:'"],
        ["sweep", "samples", "vit", "--data", "folder:", "--dry-run"],
        ["evaluate", "vit-cifar10", "--data", "folder: "],
    ],
)
def test_folder_without_a_path_is_refused_and_not_the_current_one(arguments, tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(4):
            Image.new("RGB", (8, 8)).save(tmp_path / name / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    check_refused(run(*arguments), "names no folder")


def test_run_without_weights_is_not_evaluated_and_nothing_is_downloaded(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("the dataset was loaded")

    monkeypatch.setattr("vitcore.models.evaluate.load_dataset", refuse)
    found = make_run(runs_dir(), "without weights", model="resnet", data="cifar10", **TINY_RESNET)
    found.best.unlink()
    check_refused(run("evaluate", found.id), "no weights")


def test_report_is_printed_before_a_sweep(colors):
    done = run("sweep", "samples", "vit", "--data", f"folder:{colors}", "--shares", "50,100", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[:-1] == scan(colors).lines()
