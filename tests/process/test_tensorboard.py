"""TensorBoard shows scalars, graphs and hyperparameters of bundled, own and imported runs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest
from torch.utils.tensorboard import SummaryWriter

from tests.small_trainings import config
from tests.waiting import until
from vitcore.paths import runs_dir
from vitcore.training import train


@pytest.fixture
def board(colors):
    own = train(config(colors, epochs=1), progress=False)
    with SummaryWriter(str(runs_dir() / "somebody" / "version_0")) as writer:
        writer.add_scalar("eval/score", 0.5, 3)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "vitcore", "tensorboard", "--port", str(port)]
    child = subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def ask(path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/data/{path}", body)
        if body:
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    yield own, ask, child
    for found in [*children(child), child]:
        found.kill()
    child.wait()


def children(child):
    try:
        return psutil.Process(child.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def when_served(condition):
    """Return the first truthy value of `condition`, which may raise an error while TensorBoard starts."""

    def attempt():
        with contextlib.suppress(OSError):
            return condition()
        return None

    return until(attempt, 90, "TensorBoard did not show it")


@pytest.mark.slow
def test_tensorboard_shows_every_run_with_graph_and_hyperparameters(board):
    own, ask, _ = board
    wanted = {own.id, "vit-cifar10", "resnet-cifar10", "tutorial-equal-time", "somebody/version_0"}
    tags = when_served(lambda: (found := json.loads(ask("plugin/scalars/tags"))).keys() >= wanted and found)
    assert {"train_loss", "val_acc"} <= tags[own.id].keys()
    assert "eval/score" in tags["somebody/version_0"]
    points = json.loads(ask("plugin/scalars/scalars?run=vit-cifar10&tag=val_acc"))
    assert points[-1][2] == pytest.approx(0.823, abs=0.001)
    graphs = when_served(
        lambda: {k for k, v in json.loads(ask("plugin/graphs/info")).items() if v["run_graph"]}
    )
    assert wanted - {"somebody/version_0"} <= graphs
    assert "transformer" in ask("plugin/graphs/graph?run=vit-cifar10&limit_attr_size=1024&large_attrs_key=x")
    experiment = json.loads(ask("plugin/hparams/experiment", json.dumps({}).encode()))
    names = {item["name"] for item in experiment["hparamInfos"]}
    assert {"model", "lr", "patch_size"} <= names
    assert not [p for p in own.path.iterdir() if ".vitlab" in p.name]  # the run folder is unchanged


@pytest.mark.slow
def test_termination_stops_tensorboard_and_removes_its_folder(board):
    _, ask, child = board
    when_served(lambda: ask("environment"))
    (served,) = [found for found in children(child) if "tensorboard.main" in found.cmdline()]
    place = Path(served.cmdline()[served.cmdline().index("--logdir") + 1])
    assert place.is_dir()
    child.terminate()
    child.wait(30)
    assert not served.is_running()
    assert not place.exists()


@pytest.mark.slow
def test_invalid_port_is_reported():
    done = subprocess.run(
        [sys.executable, "-m", "vitcore", "tensorboard", "--port", "99999"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
