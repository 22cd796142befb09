"""`python -m vitcore sweep`: its output, and one sentence for invalid input."""

from __future__ import annotations

import json
import time

import pytest

from tests.command_line import check_refused, run
from vitcore.config import make_config
from vitcore.data import resolve
from vitcore.paths import runs_dir
from vitcore.runs.creation import create_run
from vitcore.runs.status import Status, SweepLink


def nothing_launched():
    return not runs_dir().exists() or not [p for p in runs_dir().iterdir() if not p.name.startswith(".")]


@pytest.fixture
def samples():
    """A sweep with three results."""
    for model, seed, acc in (("vit", 0, 0.36), ("vit", 1, 0.40), ("resnet", 0, 0.50)):
        config = make_config("quick", model=model, seed=seed, train_share=0.1, epochs=10, steps_per_epoch=35)
        result = {"test_acc": acc, "val_acc": acc, "n_test": 1000, "n_val": 500}
        status = Status(state="finished", created=time.time(), active_s=90.0, result=result)
        create_run(resolve(config), status=status, sweep=SweepLink(name="mine", kind="samples"))


def test_dry_run_prints_the_table_and_launches_nothing():
    shares = ["--shares", "5,10", "--seeds", "0,1,2"]
    done = run("sweep", "samples", "vit", "resnet", "--data", "cifar10", *shares, "--dry-run")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 1 + 2 * 2 * 3
    assert " ".join(lines[1].split()) == "ViT, 5 % of the images, seed 0 quick cifar10 3,500 steps 0"
    assert "12 runs" in done.stderr
    vary = ["--vary", "patch-size=2,4,8", "--vary", "norm=pre,post", "--vary", "lr=3e-4"]
    done = run("sweep", "study", "vit", *vary, "--epochs", 3, "--dry-run")
    assert [line.split("  ")[0] for line in done.stdout.splitlines()[1:]] == [
        "ViT, base",
        "ViT, patch size 2",
        "ViT, patch size 8",
        "ViT, norm post",
        "ViT, learning rate 0.0003",
    ]
    assert nothing_launched()


def test_sweep_is_shown_as_a_table_and_as_json(samples):
    done = run("sweep", "show", "mine")
    assert done.returncode == 0, done.stderr
    vit, resnet = done.stdout.splitlines()[1:]
    # the mean of 36 and 40 %, and |36 - 40| / 2; sqrt(0.5 * 0.5 / 1000)
    assert " ".join(vit.split()) == ("ViT 10 % 350 38.00 % 2.00 over seeds 38.00 % 2 of 2 1,000 1.5 finished")
    assert " ".join(resnet.split()) == (
        "ResNet 10 % 350 50.00 % 1.58 over test images 50.00 % 1 of 1 1,000 1.5 finished"
    )
    rows = json.loads(run("sweep", "show", "mine", "--json").stdout)["rows"]
    assert [(row["model"], row["mean"], row["error_of"]) for row in rows] == [
        ("vit", 0.38, "seeds"),
        ("resnet", 0.5, "test images"),
    ]
    listed = json.loads(run("sweep", "list", "--json").stdout)
    assert [(s["name"], s["state"], len(s["runs"])) for s in listed if not s["bundled"]] == [
        ("mine", "finished", 3)
    ]
    assert {r["sweep"] for r in json.loads(run("runs", "--json").stdout) if not r["bundled"]} == {"mine"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["samples", "rnn"], "rnn"),
        (["samples", "vit", "--shares", "5,x"], "--shares"),
        (["samples", "vit", "--seeds", "1.5"], "--seeds"),
        (["samples", "vit", "--steps", "3501"], "3,500"),
        (["samples", "vit", "--set", "vit.num_heads=3"], "num_heads 3"),
        (["samples", "vit", "--set", "lr=1"], "lr"),
        (["samples", "vit", "--set", "lr"], "NAME=VALUE"),
        (["study", "vit"], "--vary"),
        (["study", "vit", "--vary", "patch_size"], "NAME=VALUE,VALUE"),
        (["study", "vit", "--vary", "patch_size="], "patch_size"),
        (["study", "vit", "--vary", "patch_size=2,5"], "patch_size 5"),
        (["study", "vit", "--vary", "patch_size=2", "--data", "folder:/nowhere"], "/nowhere"),
        (["show", "nothing"], "nothing"),
        (["combine", "a/b", "vit-cifar10"], "vit-cifar10"),
    ],
)
def test_invalid_input_is_reported_in_one_sentence_and_leaves_nothing(arguments, words):
    done = run("sweep", *arguments)
    check_refused(done, words)
    assert nothing_launched()


@pytest.mark.parametrize("command", ["combine", "tie"])
def test_runs_are_combined_under_the_current_and_the_former_name_of_the_command(command):
    config = make_config("quick", model="vit", train_share=0.1, epochs=10, steps_per_epoch=35)
    made = [
        create_run(resolve(config), status=Status(state="finished", created=time.time())) for _ in range(2)
    ]
    done = run("sweep", command, "both", *(r.id for r in made))
    assert done.returncode == 0, done.stderr
    listed = json.loads(run("sweep", "list", "--json").stdout)
    assert [set(s["runs"]) for s in listed if s["name"] == "both"] == [{r.id for r in made}]


def test_help_lists_only_the_current_name_of_the_command():
    text = run("sweep", "--help").stdout
    assert " combine " in text
    assert " tie " not in text


def test_deleting_a_sweep_prints_how_many_runs_it_had(samples):
    done = run("sweep", "delete", "mine")
    assert (done.returncode, done.stdout) == (0, "")
    assert "3 runs" in done.stderr
