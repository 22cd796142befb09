"""Trainings from Python: results, reproducibility, stop and resume, precision, refused input."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file
from torch._dynamo.exc import BackendCompilerFailed

import vitcore
from tests.conftest import ROOT
from tests.small_trainings import (
    RANDOM,
    check_same_training,
    config,
    reference_config,
    same_weights,
    train_until,
)
from vitcore.config import dump_config, make_config
from vitcore.data import load_dataset
from vitcore.errors import UserError
from vitcore.networks.vit import ViT
from vitcore.paths import runs_dir
from vitcore.runs.creation import create_run
from vitcore.runs.folder import list_runs
from vitcore.runs.metrics import read_scalars
from vitcore.training import engine, setup, train
from vitcore.training.callbacks import snapshot_epochs


@pytest.mark.parametrize("model", ["vit", "resnet"])
def test_training_learns_and_writes_a_complete_run_folder(colors, model):
    run = train(config(colors, model, epochs=6), progress=False)
    status = run.status()
    assert status.state == "finished"
    assert status.result["test_acc"] > 0.9  # two classes
    assert status.result["n_test"] == 12
    assert {"config.yaml", "status.json", "meta.json", "checkpoints"} <= {p.name for p in run.path.iterdir()}
    assert run.config.classes == ("blue", "red")
    assert len(run.snapshots) == 7  # before the first epoch, and after each epoch
    scalars = read_scalars(run.path)
    assert {"train_loss", "train_acc", "val_loss", "val_acc", "lr", "epoch", "test_acc"} <= set(
        scalars.curves
    )
    assert len(scalars["val_acc"].values) == 6
    assert scalars["test_acc"].values[-1] == pytest.approx(status.result["test_acc"], abs=1e-6)
    net = vitcore.load(run.path)
    assert not net.training
    assert {p.dtype for p in net.parameters()} == {torch.float32}
    assert not list(run.path.rglob(".*.ckpt"))


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_trainings_on_different_shares_have_equal_steps_and_validation_images(colors, share):
    values = config(colors, epochs=3, steps_per_epoch=7, train_share=share, batch_size=8)
    whole, held = setup.parts(load_dataset(values.data), config(colors))
    part, same = setup.parts(load_dataset(values.data), values)
    assert np.array_equal(held.images, same.images)
    assert len(part) == sum(round(share * int((whole.labels == c).sum())) for c in (0, 1))
    assert {i.tobytes() for i in part.images} <= {i.tobytes() for i in whole.images}
    run = train(values, progress=False)
    assert run.status().step == 21 == run.status().steps
    assert read_scalars(run.path)["val_acc"].steps.tolist() == [7, 14, 21]
    assert run.status().result["n_val"] == len(held)


@pytest.mark.parametrize("model", ["vit", "resnet"])
def test_runs_are_identical_only_with_the_same_seed(colors, model):
    first, second = (train(config(colors, model), progress=False) for _ in range(2))
    other = train(config(colors, model, seed=1), progress=False)
    assert first.id != second.id
    assert same_weights(first, second)
    assert not same_weights(first, other)
    a, b = (read_scalars(run.path) for run in (first, second))
    assert all(np.array_equal(a[t].values, b[t].values) for t in ("train_loss", "val_loss", "val_acc"))


@pytest.mark.parametrize("model", ["vit", "resnet"])
# with 24 steps per epoch and a point every second step: in the first epoch, between points, at its end, later
@pytest.mark.parametrize("step", [2, 7, 24, 35])
def test_stopped_and_resumed_run_equals_an_uninterrupted_one(colors, model, step, uninterrupted):
    run = train_until(step, reference_config(colors, model))
    assert run.last.is_file()
    train(resume=run.id, progress=False)
    assert run.status().state == "finished"
    assert run.status().steps == 72
    check_same_training(run, uninterrupted(model))


def test_training_with_rotary_positions_drops_patches_and_resumes_exactly(colors):
    settings = config(colors, batch_size=8, epochs=1, position="rotary", **RANDOM["vit"])
    whole, stopped = train(settings, progress=False), train_until(7, settings)
    check_same_training(train(resume=stopped.id, progress=False), whole)


KILLED = """
import os, signal, sys
from vitcore.training import callbacks, train
from vitcore.config import read_config
at, callbacks.SAVE_EVERY_S = int(sys.argv[2]), float(sys.argv[3])
before = callbacks.Keeper.on_train_batch_end
def end(self, trainer, *rest):
    before(self, trainer, *rest)
    if trainer.global_step == at:
        os.kill(os.getpid(), signal.SIGKILL)
callbacks.Keeper.on_train_batch_end = end
train(read_config(sys.argv[1]), progress=False)
"""


# before the first checkpoint, after that of an epoch, between two periodic ones
@pytest.mark.parametrize(("step", "save_every"), [(7, 300), (37, 300), (41, 0)])
def test_killed_and_resumed_run_equals_an_uninterrupted_one(
    colors, tmp_path, step, save_every, uninterrupted
):
    (tmp_path / "config.yaml").write_text(dump_config(reference_config(colors)))
    command = [sys.executable, "-c", KILLED, str(tmp_path / "config.yaml"), str(step), str(save_every)]
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert ended.returncode == -signal.SIGKILL
    (run,) = list_runs(bundled=False)
    assert run.last.is_file() == (step > 24)
    assert run.status().state == "failed"
    train(resume=run.id, progress=False)
    check_same_training(run, uninterrupted())


def test_patches_are_dropped_until_the_last_full_epochs(colors, monkeypatch):
    original, seen = ViT.forward, []

    def forward(self, images, **more):
        if self.training:
            seen.append(more.get("keep", 1.0))
        return original(self, images, **more)

    monkeypatch.setattr(ViT, "forward", forward)
    train(config(colors, batch_size=16, keep_patches=0.5, full_epochs=1), progress=False)
    assert seen == [0.5] * 12 + [1.0] * 6


def test_precision_is_bfloat16_only_on_cuda_devices_that_support_it(monkeypatch):
    auto = make_config("quick", model="vit")
    cuda = {"available": True, "bfloat16": True}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda["available"])
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: cuda["bfloat16"])
    choose = lambda **change: setup.precision_of(auto.model_copy(update=change))  # noqa: E731
    assert choose() == choose(device="cuda") == "bf16-mixed"
    assert choose(device="cpu") == choose(device="mps") == choose(precision="float32") == "32-true"
    cuda["bfloat16"] = False  # before Ampere
    assert choose() == "32-true"
    cuda["available"] = False
    assert choose() == "32-true"
    assert choose(precision="bfloat16", device="cpu") == "bf16-mixed"


def test_requested_precision_is_used_and_recorded(colors):
    run = train(config(colors, epochs=1, precision="bfloat16"), progress=False)
    assert run.status().precision == "bf16-mixed"
    assert {t.dtype for t in load_file(run.best).values()} == {torch.float32}
    assert train(config(colors, epochs=1), progress=False).status().precision == "32-true"


def test_cnn_uses_channels_last(colors):
    model = setup.prepare(config(colors, "resnet"))
    weights = [p for p in model.parameters() if p.ndim == 4]
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in weights)


def test_training_continues_when_the_compiler_fails(colors, monkeypatch, capsys):
    calls = []

    def broken(forward):
        def compiled(images, **options):
            calls.append(images.shape)
            raise BackendCompilerFailed("inductor", AssertionError("stable_topological_sort"), None)

        return compiled

    plain = train(config(colors, epochs=1), progress=False)
    monkeypatch.setattr(torch, "compile", broken)
    run = train(config(colors, epochs=1, compile=True), progress=False)
    assert len(calls) == 1
    assert "BackendCompilerFailed" in capsys.readouterr().out
    check_same_training(run, plain)
    assert list(load_file(run.best)) == list(load_file(plain.best))


@pytest.mark.slow
def test_compiled_training_equals_the_plain_one(colors):
    if not shutil.which("g++"):
        pytest.skip("torch.compile needs a C++ compiler (g++) on the CPU")
    still = {"keep_patches": 1.0, "drop_path": 0.0}  # compiled code draws other random numbers
    plain, compiled = (train(config(colors, compile=c, **still), progress=False) for c in (False, True))
    losses = [read_scalars(run.path)["train_loss"].values for run in (plain, compiled)]
    assert np.allclose(*losses, atol=2e-3)


def test_stale_stop_request_does_not_stop_the_resume(colors):
    run = train(config(colors, epochs=1), progress=False)
    run.write_status(run.stored_status().model_copy(update={"state": "failed"}))  # as if killed at the end
    run.stop_request.touch()
    train(resume=run.id, progress=False)
    assert run.status().state == "finished"


def test_signal_handlers_are_restored(colors):
    before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    train(config(colors, epochs=1), progress=False)
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == before


def test_finished_and_bundled_runs_cannot_be_resumed(colors):
    run = train(config(colors, epochs=1), progress=False)
    with pytest.raises(UserError, match="finished"):
        train(resume=run.id)
    with pytest.raises(UserError, match="bundled"):
        train(resume="vit-cifar10")


@pytest.mark.parametrize("values", [{"data": "folder:/nowhere"}, {"device": "cuda"}])
def test_invalid_input_leaves_no_folder(colors, values):
    if values.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(UserError):
        train(config(colors).model_copy(update=values))
    assert not runs_dir().exists()


def test_run_is_trained_by_one_process_at_a_time(colors):
    run = train(config(colors, epochs=1), progress=False)
    with FileLock(run.path / ".lock"), pytest.raises(UserError, match=run.id):
        engine.execute(run)


def test_failed_training_leaves_its_run_free_for_the_same_process(monkeypatch):
    run = create_run(make_config())

    def fail(*_):
        raise RuntimeError("no luck")

    monkeypatch.setattr(engine, "_execute", fail)
    with pytest.raises(RuntimeError) as failure:
        engine.execute(run)
    with FileLock(run.path / ".lock", timeout=0):  # free, although the error still refers to the call
        assert failure.value


def test_snapshots_are_few_and_log_spaced():
    assert snapshot_epochs(1) == {1}
    assert snapshot_epochs(5) == {1, 2, 3, 4, 5}
    assert sorted(snapshot_epochs(180))[:5] == [1, 2, 3, 4, 5]
    for epochs in (1, 2, 10, 100, 10_000):
        wanted = snapshot_epochs(epochs)
        assert len(wanted) <= 23
        assert epochs in wanted
        assert min(wanted) >= 1
