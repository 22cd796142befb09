"""The command line in this process: results on stdout; one line on stderr for invalid input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer.main
from PIL import Image

from tests.command_line import check_refused, run
from tests.conftest import TINY_RESNET
from tests.made_runs import make_run
from tests.published_site import write_checkpoint
from vitcore.__main__ import app  # with every command
from vitcore.config import dump_config, make_config
from vitcore.paths import runs_dir
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.status import Status


def test_import_prints_the_run_folder_last_and_reports_errors(tmp_path):
    (tmp_path / "log.ckpt").write_text("epoch 1/10  val_acc 27.80 %")
    refused = run("import", tmp_path / "log.ckpt")
    check_refused(refused, "log.ckpt")
    done = run("import", write_checkpoint(tmp_path, "DenseNet"))
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip().splitlines()[-1])
    assert (folder.parent, Run(folder).status().state) == (runs_dir(), "finished")


def test_run_is_named_and_deleted(tmp_path):
    done = run("import", write_checkpoint(tmp_path, "GoogleNet"))
    name = Path(done.stdout.strip()).name
    assert run("describe", name, "--title", "Mine", "--note", "why").returncode == 0
    check_refused(run("describe", name))
    assert json.loads(run("runs", "--json").stdout)[-1]["title"] == "Mine"
    assert run("delete", "vit-cifar10").returncode == 2
    assert run("delete", name).returncode == 0
    assert not list_runs(bundled=False)


def test_several_runs_are_stopped_and_deleted_and_named():
    config = make_config("quick")
    names = [create_run(config, runs_dir(), status=queued).id for queued in 2 * [Status(state="queued")]]
    check_refused(run("stop", *names, "nothing"), "nothing")
    assert {found.status().state for found in list_runs(bundled=False)} == {"queued"}
    done = run("stop", *names)
    assert done.stdout.splitlines() == [f"Stopped {name}." for name in names]
    check_refused(run("delete", *names, "nothing"), "nothing")
    assert len(list_runs(bundled=False)) == 2
    done = run("delete", *names)
    assert done.stdout.splitlines() == [f"Deleted {name}." for name in names]
    assert not list_runs(bundled=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--title", "after"], ["title", "now", "after"]),
        (["--title", "before"], ["title", "as before"]),
        (["--title", ""], ["Removed", "title"]),
        (["--note", ""], ["no note", "as before"]),
        (["--title", "a", "--note", "first\nsecond"], ["title", "note", "second"]),
    ],
)
def test_describe_prints_what_has_changed(arguments, said):
    found = create_run(make_config("quick"), title="before", status=Status(state="stopped"))
    done = run("describe", found.id, *arguments)
    assert done.returncode == 0
    assert not [word for word in [found.id, *said] if word not in done.stdout]
    assert len(done.stdout.splitlines()) == len(arguments) // 2


def test_move_prints_the_position_also_if_it_is_the_same():
    queued = [Status(state="queued", created=when, queued=when) for when in (1.0, 2.0, 3.0)]
    first, _, last = [create_run(make_config("quick"), status=status).id for status in queued]
    assert run("move", first, "up").stdout == f"{first} is number 1 of 3 in the queue.\n"
    assert run("move", last, "up").stdout == f"{last} is now number 2 of 3 in the queue.\n"


@pytest.mark.parametrize("place", ["run.zip", "folder"])
def test_export_and_import_say_what_they_have_written(tmp_path, place):
    made = make_run(runs_dir(), "my model", model="resnet", **TINY_RESNET)
    done = run("export", made.id, tmp_path / place, "--no-weights")
    assert done.stdout == f"{tmp_path / place}\n"
    assert "my model" in done.stderr
    if place == "run.zip":
        assert run("delete", made.id).returncode == 0
        done = run("import", tmp_path / place)
        assert "my model" in done.stderr
        assert Path(done.stdout.strip()).is_dir()


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
        (["--model", "vgg"], "vgg"),
        (["--data", "mnist"], "mnist"),
        (["--epochs", "-1"], "epochs"),
        (["--epochs", "x"], "--epochs"),
        (["--set", "embed_dim=100"], "num_heads"),
        (["--set", "patch_size=5"], "patch_size 5"),
        (["--set", "patch_size"], "NAME=VALUE"),
        (["--data", "folder:BAD/empty"], "empty"),
        (["--data", "folder:BAD/nowhere"], "nowhere"),
        (["--config", "BAD/none.yaml"], "none.yaml"),
        (["--bogus"], "--bogus"),
        (["--device", ""], "--device"),
        (["--device", ":"], "--device"),
        (["--resume", "nothing"], "nothing"),
        (["--resume", "x", "--epochs", "3"], "--resume"),
        (["--resume", "x", "--title", "y"], "--resume"),
        (["--config", "CONFIG", "--recipe", "tutorial"], "--recipe"),
        (["--set", "model=[1]"], "model"),
        (["--set", "recipe=[1]"], "recipe"),
        (["--set", "recipe=a/b"], "a/b"),
        (["--data", "folder:" + "x" * 300], "xxx"),
    ],
)
def test_invalid_input_is_reported_in_one_sentence_and_leaves_nothing(bad_data, command, arguments, words):
    (bad_data / "good.yaml").write_text(dump_config(make_config()))
    places = {"BAD": str(bad_data), "CONFIG": str(bad_data / "good.yaml")}
    for word, place in places.items():
        arguments = [a.replace(word, place) for a in arguments]
    done = run(command, *arguments)
    check_refused(done, words)
    assert not runs_dir().exists() or not [p for p in runs_dir().iterdir() if not p.name.startswith(".")]


@pytest.mark.parametrize("name", ["text", "cut"])
def test_folder_with_an_invalid_image_is_rejected_before_a_run_is_created(bad_data, name):
    done = run("train", "--data", f"folder:{bad_data / name}", "--epochs", 1)
    report, refusal = done.stderr.splitlines()  # the report on the folder comes first
    assert "in 2 classes" in report
    check_refused(done._replace(stderr=refusal), "5.png")
    assert not runs_dir().exists()


@pytest.mark.parametrize("address", ["http://h\u00f6st.example/x.ckpt", "http://127.0.0.1:1/\udce9.ckpt"])
def test_address_with_other_letters_than_ascii_is_refused(address):
    check_refused(run("import", address), "address", "percent")


def test_long_list_of_seeds_is_quoted_in_part():
    done = run("sweep", "study", "vit", "--vary", "lr=0.1", "--seeds", "9" * 5000)
    check_refused(done, "--seeds")
    assert len(done.stderr) < 200


def test_evaluate_on_another_dataset(colors):
    made = make_run(runs_dir(), "tiny", data="cifar10", model="resnet", **TINY_RESNET)
    done = run("evaluate", made.id, "--data", "cifar10-mini", "--json")
    assert json.loads(done.stdout)["n"] == 1000
    check_refused(run("evaluate", "resnet-cifar10", "--data", f"folder:{colors}"))


def test_data_counts():
    assert run("data", "cifar10-mini").stdout.startswith("cifar10-mini: 4,000 training and 1,000 test images")


def test_data_as_json_names_images_that_cannot_be_read(bad_data):
    found = json.loads(run("data", f"folder:{bad_data / 'cut'}", "--json").stdout)
    assert (found["images"], found["classes"]) == (24, ["a", "b"])
    assert found["train"] + found["validation"] + found["test"] == 24
    assert [fault["file"] for fault in found["unreadable"]] == ["a/5.png", "b/5.png"]
    assert all("5.png" in fault["reason"] for fault in found["unreadable"])
    mini = json.loads(run("data", "cifar10-mini", "--json").stdout)
    assert (mini["images"], mini["train"], mini["test"], mini["unreadable"]) == (5000, 4000, 1000, [])


def commands(group, *before):
    """The words of every command and every group of commands."""
    yield before
    for name, inner in getattr(group, "commands", {}).items():
        yield from commands(inner, *before, name)


@pytest.mark.parametrize("words", commands(typer.main.get_command(app)), ids=" ".join)
def test_every_command_has_help(words):
    done = run(*words, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout
