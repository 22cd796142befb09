"""The start of a fine-tuning: what is inherited, identified by digest, kept, and refused."""

from __future__ import annotations

import hashlib
import shutil

import pytest
import yaml

from tests.made_runs import make_run
from vitcore.config import build_config, dump_config, make_config, read_config
from vitcore.errors import UserError
from vitcore.preprocessing import Preprocessing
from vitcore.runs import edit
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run, find_run
from vitcore.runs.start import fine_tuned, resolve_start, start_file
from vitcore.runs.status import Status
from vitcore.runs.titles import default_title, launch_command, varied_settings

VIT = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 2, "patch_size": 8}
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@pytest.fixture
def start(tmp_path) -> Run:
    return make_run(tmp_path / "runs", "start", data="photos", image_size=64, preprocessing=IMAGENET, **VIT)


def test_architecture_options_size_and_preprocessing_are_those_of_the_start(start):
    config = fine_tuned(start, data="folder:/somewhere", epochs=3)
    assert (config.model, config.options) == (start.config.model, start.config.options)
    assert config.image_size == 64
    assert config.preprocessing == Preprocessing(**IMAGENET)
    assert (config.recipe, config.epochs, config.classes) == ("finetune", 3, None)
    assert config.start == start.id


def test_digest_of_the_weights_is_recorded_and_they_are_kept(start):
    config = fine_tuned(start, data="folder:/somewhere")
    run = create_run(config)
    copy = run.checkpoints / "start.safetensors"
    assert copy.read_bytes() == start.best.read_bytes()
    assert read_config(run.path / "config.yaml").start_digest == (
        hashlib.sha256(start.best.read_bytes()).hexdigest()
    )
    assert not run.snapshots
    assert run.weights is None


def test_weights_are_found_after_their_run_was_deleted(start):
    run = create_run(fine_tuned(start, data="folder:/somewhere"))
    content = start.best.read_bytes()
    edit.delete(start)
    assert start_file(run.config, own=run).read_bytes() == content
    again = create_run(build_config(**run.config.model_dump()))  # repeats the run, which has a copy
    assert (again.checkpoints / "start.safetensors").read_bytes() == content
    shutil.rmtree(run.path)
    assert start_file(again.config, own=again).read_bytes() == content


def test_weights_that_were_trained_again_are_not_used(start, tmp_path):
    run = create_run(fine_tuned(start, data="folder:/somewhere"))
    content, digest = start.best.read_bytes(), run.config.start_digest
    other = make_run(tmp_path / "other", "other", seed=9, image_size=64, data="photos", **VIT)
    other.best.replace(start.best)  # as a training replaces its best weights
    assert start_file(run.config, own=run).read_bytes() == content
    assert resolve_start(run.config).start_digest == digest
    (run.checkpoints / "start.safetensors").unlink()
    with pytest.raises(UserError, match=digest[:12]):
        start_file(run.config, own=run)
    with pytest.raises(UserError, match=digest[:12]):
        create_run(run.config)
    fresh = fine_tuned(start, data="folder:/somewhere")
    assert resolve_start(fresh).start_digest != digest


def test_changed_copy_is_not_used(start):
    run = create_run(fine_tuned(start, data="folder:/somewhere"))
    copy = run.checkpoints / "start.safetensors"
    changed = bytearray(copy.read_bytes())
    changed[-1] ^= 1
    copy.unlink()
    copy.write_bytes(changed)
    assert start_file(run.config, own=run) == start.best


def test_start_outside_the_runs_folder_is_named_by_its_path(tmp_path):
    run = make_run(tmp_path / "elsewhere", "start", **VIT)
    config = resolve_start(fine_tuned(run.path))
    assert config.start == str(run.path)
    assert default_title(config) == f"ViT finetune from {run.id}"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"patch_size": 4}, ["patch_size", "8"]),
        ({"pool": "mean"}, ["pool", "cls"]),
        ({"preprocessing": {"crop": 0.5}}, ["preprocessing"]),
        ({"model": "resnet"}, ["ViT", "resnet"]),
        ({"image_size": 60}, ["60", "patch_size 8"]),
        ({"data": "cifar10-mini"}, ["image_size 64", "cifar10-mini"]),
        ({"recipe": "fancy"}, ["fancy", "finetune", "linear-probe"]),
    ],
)
def test_what_the_weights_determine_cannot_be_changed(changes, words, start):
    with pytest.raises(UserError) as caught:
        fine_tuned(start, **{"data": "folder:/somewhere", **changes})
    assert all(word in str(caught.value) for word in words), caught.value


def test_image_size_and_dropout_can_be_chosen(start):
    config = fine_tuned(start, data="folder:/somewhere", image_size=96, dropout=0.1)
    assert (config.image_size, config.options["dropout"]) == (96, 0.1)
    assert resolve_start(config).start_digest


def test_image_size_of_a_mixer_cannot_be_changed(tmp_path):
    run = make_run(tmp_path / "runs", "start", model="mixer", num_layers=2, patch_size=8)
    with pytest.raises(UserError, match="image_size"):
        fine_tuned(run, data="folder:/somewhere", image_size=64)


def test_unknown_run_is_refused():
    with pytest.raises(UserError, match="'nowhere'"):
        fine_tuned("nowhere")
    with pytest.raises(UserError, match="'nowhere'"):
        resolve_start(make_config("finetune", start="nowhere"))


def test_run_without_weights_is_refused(start):
    start.best.unlink()
    with pytest.raises(UserError, match="no weights"):
        fine_tuned(start)
    start.write_status(Status(state="queued"))
    with pytest.raises(UserError, match="no weights yet"):
        fine_tuned(start)


def test_damaged_weights_are_refused(start):
    start.best.write_bytes(start.best.read_bytes()[:-10])
    with pytest.raises(UserError, match="damaged"):
        fine_tuned(start)


@pytest.mark.parametrize("settings", [{"recipe": "finetune"}, {"recipe": "linear-probe"}, {"freeze": True}])
def test_fine_tuning_without_a_start_is_refused(settings):
    with pytest.raises(UserError, match="--from"):
        resolve_start(make_config(**settings))


def test_configurations_from_scratch_are_written_as_before():
    text = dump_config(make_config("quick"))
    assert not {"start", "start_digest", "head_lr", "layer_decay", "freeze"} & set(yaml.safe_load(text))


def test_command_of_a_fine_tuned_run_names_its_start_and_not_its_options(start):
    config = resolve_start(fine_tuned(start, "linear-probe", data="folder:/somewhere", seed=3))
    command = launch_command(config)
    assert command.startswith(
        f"python -m vitcore launch --from {start.id} --data folder:/somewhere --recipe linear-probe"
    )
    assert all(word in command for word in ("--seed 3", "image_size=64", config.start_digest))
    assert "embed_dim" not in command
    assert varied_settings(config) == {"seed": 3}


def test_bundled_run_can_be_a_start():
    config = resolve_start(fine_tuned("vit-cifar10", data="cifar10-mini"))
    digest = hashlib.sha256(find_run("vit-cifar10").best.read_bytes()).hexdigest()
    assert (config.start, config.start_digest) == ("vit-cifar10", digest)
