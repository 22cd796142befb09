"""Trainings that start from another run: frozen backbones, features, resume, repetition, export."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

import vitcore
from tests.command_line import check_refused, run
from tests.conftest import ROOT, TINY_RESNET, TINY_VIT, make_folder
from tests.made_runs import make_run
from tests.small_trainings import check_same_training, same_weights, train_until
from vitcore.config import Config, dump_config, read_config
from vitcore.data import dataset_for, resolve
from vitcore.data.augment import epoch_order, normalize
from vitcore.errors import UserError
from vitcore.exchange.archive import pack_run, unpack_run
from vitcore.exchange.folder import export_run
from vitcore.models import build_for
from vitcore.models.start import head_names, load_start
from vitcore.networks.vit import ViT
from vitcore.paths import runs_dir
from vitcore.runs import edit
from vitcore.runs.folder import Run, find_run, list_runs
from vitcore.runs.machine_load import Load
from vitcore.runs.predictions import read_predictions
from vitcore.runs.start import fine_tuned
from vitcore.training import features, train
from vitcore.training.rehearse import rehearse
from vitcore.training.setup import parts

OPTIONS = {"vit": {**TINY_VIT, "dropout": 0.1, "drop_path": 0.2}, "resnet": TINY_RESNET}


def start_of(model: str = "vit", **more) -> Run:
    """Return a start with ten classes in the folder of runs."""
    return make_run(runs_dir(), "start", seed=3, model=model, **OPTIONS[model], **more)


def config_of(start: Run, colors, recipe: str, **more):
    given = {"epochs": 3, "device": "cpu", "batch_size": 8, **more}
    return fine_tuned(start, recipe, data=f"folder:{colors}", **given)


def backbone(path, config) -> dict[str, torch.Tensor]:
    head = head_names(config)
    return {name: value for name, value in load_file(path).items() if name not in head}


def initial(config: Config, start: Run) -> torch.nn.Module:
    """Return the network before the first step: the weights of the start, and a head from the seed."""
    torch.manual_seed(config.seed)
    net = build_for(config)
    load_start(net, config, start.best)
    return net.eval()


@pytest.mark.parametrize("model", ["vit", "resnet"])
@pytest.mark.parametrize("augment", ["none", "shift"])  # with features, and with images in every epoch
def test_frozen_backbone_is_identical_after_the_training(colors, model, augment):
    start = start_of(model)
    run = train(config_of(start, colors, "linear-probe", augment=augment), progress=False)
    status = run.status()
    assert status.state == "finished"
    first, last = initial(run.config, start).state_dict(), load_file(run.best)
    assert not any(torch.equal(first[name], last[name]) for name in head_names(run.config))
    assert not run.snapshots  # they would all have the same backbone
    before, after = backbone(start.best, run.config), backbone(run.best, run.config)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)  # with statistics of batch norms
    assert status.result["parameters"] == sum(p.numel() for p in vitcore.load(run.path).parameters())
    assert run.config.classes == ("blue", "red")


@pytest.mark.parametrize("model", ["vit", "resnet"])
def test_probe_on_features_equals_a_plain_loop_that_trains_the_head(colors, model):
    """The reference runs the whole model in evaluation mode, on the same batches."""
    start = start_of(model)
    run = train(config_of(start, colors, "linear-probe", warmup_epochs=0.0), progress=False)
    config = run.config
    split = parts(dataset_for(config), config)[0]
    net = initial(config, start)
    head = head_names(config)
    weight, bias = (p for name, p in net.named_parameters() if name in head)
    optimizer = torch.optim.AdamW([weight, bias], lr=config.lr, weight_decay=0.0)
    count, size = len(split), config.batch_size
    steps, step = config.epochs * (count // size), 0
    for epoch in range(config.epochs):
        order = epoch_order(config.seed, epoch, count)
        for first in range(0, count - size + 1, size):
            chosen = order[first : first + size]
            share = step / steps
            for group in optimizer.param_groups:
                cosine = torch.tensor(torch.pi * share).cos().item()
                group["lr"] = config.lr * (0.01 + 0.99 * 0.5 * (1 + cosine))
            images = normalize(torch.from_numpy(split.images[chosen]), config.preprocessing)
            labels = torch.from_numpy(split.labels[chosen])
            loss = torch.nn.functional.cross_entropy(net(images), labels)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([weight, bias], config.clip_norm)
            optimizer.step()
            step += 1
    last = torch.load(run.last, weights_only=True)["state_dict"]
    for name, value in net.state_dict().items():
        torch.testing.assert_close(last[f"model.{name}"], value, rtol=1e-4, atol=1e-5)


def test_features_are_computed_once_for_each_image(colors, monkeypatch):
    start, seen, computed = start_of(), [], features.head_features

    def counted(model, heads, images):
        seen.append(len(images))
        return computed(model, heads, images)

    monkeypatch.setattr(features, "head_features", counted)
    config = resolve(config_of(start, colors, "linear-probe"))
    train(config, progress=False)
    assert sum(seen) == sum(map(len, parts(dataset_for(config), config)))


def test_backbone_of_a_probe_sees_each_image_once_also_those_with_recorded_predictions(colors, monkeypatch):
    start, seen, forward = start_of(), [], ViT.forward

    def counted(net, images, *rest, **options):
        seen.append(len(images))
        return forward(net, images, *rest, **options)

    monkeypatch.setattr(ViT, "forward", counted)
    run = train(config_of(start, colors, "linear-probe"), progress=False)
    data = dataset_for(run.config)
    recorded = read_predictions(run.path)
    assert len(recorded.steps) == 1 + run.config.epochs
    seen.remove(1)  # of the check of the best weights when they are loaded
    assert sum(seen) == sum(map(len, parts(data, run.config))) + len(recorded.images) + len(data.test)
    last = torch.load(run.last, weights_only=True)["state_dict"]
    net = build_for(run.config).eval()
    net.load_state_dict({name.removeprefix("model."): value for name, value in last.items()})
    answers = net(normalize(torch.from_numpy(recorded.images), run.config.preprocessing)).softmax(dim=1)
    torch.testing.assert_close(torch.from_numpy(recorded.probabilities[-1]), answers, rtol=1e-4, atol=1e-5)


def test_rehearsal_of_a_probe_counts_a_backbone_that_a_busy_machine_makes_slow(colors, monkeypatch):
    """The waiting of the backbone takes no CPU time, like that for other programs."""
    config, forward = config_of(start_of(), colors, "linear-probe"), ViT.forward

    def slow(net, images, *rest, **options):
        time.sleep(0.02 * len(images))
        return forward(net, images, *rest, **options)

    monkeypatch.setattr(ViT, "forward", slow)
    monkeypatch.setattr(Load, "others", 0.5)
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    monkeypatch.setattr("torch.set_num_threads", lambda _: None)  # other tests keep their threads
    monkeypatch.setattr("vitcore.training.rehearse._startup_s", lambda: 0.0)
    found, data = rehearse(config, steps=4), dataset_for(resolve(config))
    images = sum(map(len, parts(data, config))) + len(data.test)
    assert images * 0.02 < 60 * found.minutes < 4 * images * 0.02
    assert found.least_minutes < found.minutes / 2


@pytest.mark.parametrize(
    "more", [{"augment": "shift"}, {"mixup": 0.5}, {"cutmix": 0.5}, {"keep_patches": 0.5}, {"freeze": False}]
)
def test_features_are_not_kept_if_inputs_or_weights_change(colors, more):
    config = config_of(start_of(), colors, "linear-probe")
    assert features.are_fixed(config)
    assert not features.are_fixed(config.model_copy(update=more))


@pytest.mark.parametrize(
    ("model", "recipe", "step"),
    [("vit", "finetune", 7), ("resnet", "finetune", 18), ("resnet", "linear-probe", 18)],
)
def test_stopped_and_resumed_run_equals_an_uninterrupted_one_without_its_start(colors, recipe, step, model):
    start = start_of(model)
    config = config_of(start, colors, recipe)
    whole = train(config, progress=False)
    stopped = train_until(step, config)
    edit.delete(start)
    train(resume=stopped.id, progress=False)
    assert stopped.status().state == "finished"
    check_same_training(stopped, whole)
    repeated = train(read_config(whole.path / "config.yaml"), progress=False)
    assert same_weights(repeated, whole)


KILLED = """
import os, signal, sys
from vitcore.training import callbacks, train
from vitcore.config import read_config
before = callbacks.Keeper.on_train_batch_end
def end(self, trainer, *rest):
    before(self, trainer, *rest)
    if trainer.global_step == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
callbacks.Keeper.on_train_batch_end = end
train(read_config(sys.argv[1]), progress=False)
"""


# before the first checkpoint, when only the kept weights of the start are left, and after it
@pytest.mark.parametrize("step", [5, 16])
def test_killed_run_is_resumed_although_its_start_is_gone(colors, tmp_path, step):
    start = start_of()
    config = config_of(start, colors, "finetune")
    whole = train(config, progress=False)
    (tmp_path / "config.yaml").write_text(dump_config(config))
    command = [sys.executable, "-c", KILLED, str(tmp_path / "config.yaml"), str(step)]
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert ended.returncode == -signal.SIGKILL
    (killed,) = (found for found in list_runs(bundled=False) if found.status().state == "failed")
    assert killed.last.is_file() == (step > 12)
    edit.delete(start)
    train(resume=killed.id, progress=False)
    check_same_training(killed, whole)


def test_run_without_checkpoint_and_start_says_what_is_missing(colors):
    start = start_of()
    run = train(config_of(start, colors, "finetune", epochs=1), progress=False)
    run.write_status(run.stored_status().model_copy(update={"state": "stopped"}))
    run.last.unlink()
    (run.checkpoints / "start.safetensors").unlink()
    edit.delete(start)
    with pytest.raises(UserError, match=start.id):
        train(resume=run.id, progress=False)
    assert run.status().state == "failed"
    assert run.config.start_digest[:12] in run.status().reason


def test_larger_images_get_interpolated_positions(colors):
    start = start_of()
    run = train(config_of(start, colors, "finetune", image_size=48, epochs=1), progress=False)
    assert vitcore.load(run.path).pos_embedding.shape == (1, 1 + 36, 16)


def test_fine_tuning_begins_with_the_start_and_changes_all_layers(colors):
    start = start_of()
    run = train(config_of(start, colors, "finetune", epochs=1), progress=False)
    first = run.snapshots[0]
    assert first.name == "step-0000000.safetensors"
    before, at_start = backbone(start.best, run.config), backbone(first, run.config)
    assert all(torch.equal(before[name].half(), at_start[name]) for name in before)
    after = backbone(run.best, run.config)
    assert not any(torch.equal(before[name], after[name]) for name in before)
    moved = [float((after[n] - before[n]).abs().max()) for n in ("input_layer.weight", "mlp_head.0.weight")]
    assert moved[0] < moved[1]  # the first layer is the slowest


def test_fine_tuned_run_is_exported_and_imported_on_another_machine(colors, tmp_path):
    run = train(config_of(start_of(), colors, "linear-probe", epochs=1), progress=False)
    (tmp_path / "run.zip").write_bytes(pack_run(run))
    there = unpack_run(tmp_path / "run.zip", tmp_path / "other")
    assert same_weights(run, there)
    assert (there.config.start, there.config.start_digest) == (run.config.start, run.config.start_digest)
    assert not (there.checkpoints / "start.safetensors").exists()
    assert vitcore.load(there.path).mlp_head[1].out_features == 2
    copied = export_run(run, tmp_path / "folder")
    assert copied.config.start_digest == run.config.start_digest


def test_path_of_a_start_is_not_exported(colors, tmp_path):
    start = make_run(tmp_path / "private" / "place", "start", **TINY_VIT)
    run = train(config_of(start, colors, "linear-probe", epochs=1), progress=False)
    assert run.config.start == str(start.path)
    (tmp_path / "run.zip").write_bytes(pack_run(run))
    assert unpack_run(tmp_path / "run.zip", tmp_path / "other").config.start == start.id


@pytest.mark.parametrize("recipe", ["finetune", "linear-probe"])
def test_rehearsal_of_a_fine_tuning(colors, recipe):
    found = rehearse(config_of(start_of(), colors, recipe, epochs=20), steps=4)
    assert found.steps == 20 * (97 // 8)
    assert found.minutes > 0
    assert not [run for run in list_runs(bundled=False) if run.config.start]


def test_command_line_trains_from_a_run(colors):
    start = start_of()
    done = run(
        "train", "--from", start.id, "--data", f"folder:{colors}", "--recipe", "linear-probe",
        "--epochs", 2, "--device", "cpu",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    trained = find_run(done.stdout.strip())
    assert (trained.config.start, trained.config.epochs, trained.config.freeze) == (start.id, 2, True)
    again = run("train", "--config", trained.path / "config.yaml")
    assert same_weights(trained, find_run(again.stdout.strip()))


def test_command_line_refuses_what_does_not_fit_the_start(colors):
    start = start_of()
    data = ("--data", f"folder:{colors}")
    check_refused(run("train", "--from", "nowhere", *data), "nowhere")
    check_refused(run("train", "--from", start.id, "--model", "resnet", *data), "resnet")
    check_refused(run("train", "--from", start.id, "--set", "embed_dim=32", *data), "embed_dim", "16")
    check_refused(run("train", "--recipe", "finetune", *data), "--from")
    check_refused(run("train", "--from", start.id, "--resume", start.id), "--resume")
    assert [found.id for found in list_runs(bundled=False)] == [start.id]


def test_queue_refuses_a_start_before_it_creates_a_run(tmp_path):
    place = make_folder(tmp_path / "flowers", {"daisy": (200, 200, 0), "rose": (200, 0, 0)}, 12)
    start = start_of()
    weights = start.best.read_bytes()
    start.best.write_bytes(weights[:-4])
    done = run("launch", "--from", start.id, "--data", f"folder:{place}")
    check_refused(done, "damaged")
    assert [found.id for found in list_runs(bundled=False)] == [start.id]
