"""Distributed training over gloo, started by Lightning, by hand, by torchrun and like SLURM."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
from safetensors.torch import load_file

from tests.conftest import ROOT, TINY_VIT
from tests.process.trainings import processes, wait_for, wait_until_training
from tests.waiting import until
from vitcore.config import make_config
from vitcore.errors import UserError
from vitcore.queue import launch as background
from vitcore.runs.folder import list_runs
from vitcore.runs.metrics import read_scalars
from vitcore.training import train
from vitcore.training.ranks import rank_of

PLAIN = {**TINY_VIT, "epochs": 2, "keep_patches": 1.0, "drop_path": 0.0}


def arguments(colors, **values):
    values = {"model": "vit", "data": f"folder:{colors}", "device": "cpu", **PLAIN, **values}
    named = ("model", "data", "recipe", "device", "epochs", "batch_size", "devices", "nodes")
    options = []
    for key, value in values.items():
        options += [f"--{key.replace('_', '-')}", str(value)] if key in named else ["--set", f"{key}={value}"]
    return options


def start(command, **environment):
    """Start a command in a process whose output is captured."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "RANK", "LOCAL_RANK"))}
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        env={**clean, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def lightning(colors):
    return [start(["vitcore", "train", *arguments(colors, devices=2)])]


def torchrun(colors):
    command = [
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--master-port",
        free_port(),
        "-m",
        "vitcore",
        "train",
    ]
    return [start([*command, *arguments(colors, devices=2)])]


def by_hand(colors):
    command = ["vitcore", "train", *arguments(colors, nodes=2)]
    rendezvous = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    return [start(command, **rendezvous, NODE_RANK=str(rank)) for rank in range(2)]


def slurm(colors):
    command = ["vitcore", "train", *arguments(colors, devices=2)]
    job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "vit", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2"}
    job |= {
        "SLURM_NNODES": "1",
        "SLURM_NODEID": "0",
        "SLURM_JOB_NODELIST": "localhost",
        "SLURM_NODELIST": "localhost",
    }
    job |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    return [start(command, **job, SLURM_PROCID=str(rank), SLURM_LOCALID=str(rank)) for rank in range(2)]


LATER = [pytest.param(how, marks=pytest.mark.slow) for how in (torchrun, by_hand, slurm)]


@pytest.mark.parametrize("how", [lightning, *LATER])
def test_two_processes_give_the_same_curve_as_one(how, colors):
    single = train(
        make_config("quick", model="vit", data=f"folder:{colors}", device="cpu", **PLAIN), progress=False
    )
    processes = how(colors)
    printed = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), printed
    (run,) = [run for run in list_runs(bundled=False) if run.id != single.id]  # only one folder
    assert run.status().state == "finished"
    assert "".join(printed).count(str(run.path)) == 1
    ours, theirs = read_scalars(run.path), read_scalars(single.path)
    for tag in ("train_loss", "train_acc", "val_loss", "val_acc", "lr", "epoch"):
        assert np.array_equal(ours[tag].steps, theirs[tag].steps), tag
        assert np.allclose(ours[tag].values, theirs[tag].values, atol=2e-5), tag
    assert run.status().result["test_acc"] == single.status().result["test_acc"]


STOPPED = """
import sys
from vitcore.training import callbacks
from vitcore import __main__ as cli
callbacks.EVERY = 5  # a stop between two points of the curves
before = callbacks.Keeper.on_train_batch_end
def end(self, trainer, *rest):
    if trainer.global_step == 35 and self.run:
        self.run.stop_request.touch()
    before(self, trainer, *rest)
callbacks.Keeper.on_train_batch_end = end
sys.argv[0] = __file__
cli.main()
"""


@pytest.mark.slow
def test_pretraining_runs_on_two_devices(colors):
    options = {"devices": 2, "recipe": "pretrain", "decoder_dim": 32}
    process = start(["vitcore", "train", *arguments(colors, **options)])
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    (run,) = list_runs(bundled=False)
    losses = read_scalars(run.path)["val_loss"].values
    assert losses[-1] < losses[0]
    assert run.status().result["val_loss"] == pytest.approx(losses.min(), abs=1e-6)


@pytest.mark.slow
def test_stop_ends_all_ranks_at_the_same_step_and_resume_is_exact(colors, tmp_path):
    dropping = {"epochs": 3, "batch_size": 4, "keep_patches": 0.5, "drop_path": 0.3, "devices": 2}
    whole = start(["vitcore", "train", *arguments(colors, **dropping)])
    assert whole.wait(240) == 0, whole.stdout.read()
    (first,) = list_runs(bundled=False)
    script = tmp_path / "stopped.py"
    script.write_text(STOPPED)
    words = ["train", *arguments(colors, **dropping)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, script, *words], env=environment, check=True, timeout=240, capture_output=True
    )
    (second,) = [run for run in list_runs(bundled=False) if run.id != first.id]
    assert second.status().state == "stopped"
    assert second.status().step == 35
    resumed = start(["vitcore", "train", "--resume", second.id])
    assert resumed.wait(240) == 0, resumed.stdout.read()
    a, b = (load_file(run.best) for run in (first, second))
    assert all(np.array_equal(a[name], b[name]) for name in a)
    a, b = (read_scalars(run.path)["train_loss"] for run in (first, second))
    assert np.array_equal(a.steps, b.steps)
    # the point after the stop sums the values of the ranks in another order
    assert np.allclose(a.values, b.values, rtol=1e-6)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": "4", "RANK": "0"}, "torchrun started 4 processes"),
        ({"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"}, "srun started 4 processes"),
    ],
)
def test_more_processes_than_devices_are_rejected_before_anything_is_written(
    colors, environment, words, monkeypatch
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=words):
        train(make_config("quick", model="vit", data=f"folder:{colors}", device="cpu", **PLAIN))
    assert not list_runs(bundled=False)


def test_multi_node_training_is_not_queued(colors):
    config = make_config("quick", model="vit", data=f"folder:{colors}", device="cpu", **PLAIN, nodes=2)
    with pytest.raises(UserError, match="srun, torchrun"):
        background.launch(config)
    assert not list_runs(bundled=False)


@pytest.mark.slow
def test_queued_run_on_two_devices_leaves_no_process_when_killed(colors):
    config = make_config(
        "quick", model="vit", data=f"folder:{colors}", device="cpu", **{**PLAIN, "epochs": 2000}, devices=2
    )
    run = background.launch(config)
    os.kill(wait_until_training(run).pid, signal.SIGTERM)  # as a scheduler does first
    wait_for(run, "stopped")
    assert run.last.is_file()
    until(lambda: not processes(run.id), 30)


def test_rank_is_read_from_every_launcher(monkeypatch):
    two = make_config("quick", model="vit", devices=2, nodes=2)
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    assert rank_of(two) == 0
    monkeypatch.setenv("NODE_RANK", "1")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert rank_of(two) == 3
    assert rank_of(two.model_copy(update={"devices": 1, "nodes": 1})) == 0  # one device inside a larger job
    monkeypatch.setenv("SLURM_NTASKS", "4")
    monkeypatch.setenv("SLURM_PROCID", "2")
    assert rank_of(two) == 2
    monkeypatch.setenv("RANK", "1")
    assert rank_of(two) == 1
