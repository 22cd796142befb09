"""The published ResNet of the tutorial has its published accuracy."""

from __future__ import annotations

import pytest
import torch

from vitcore.data import load_dataset
from vitcore.exchange.checkpoint import import_checkpoint
from vitcore.models import load_run
from vitcore.models.evaluate import evaluate
from vitcore.runs.metrics import read_scalars


@pytest.mark.slow
def test_published_resnet_reproduces_the_published_score_and_curve(shared, full_cifar10):
    file = shared / "tutorial" / "ResNet.ckpt"
    run = import_checkpoint(file)
    model = load_run(run)
    score = evaluate(model, load_dataset("cifar10").test)
    assert (score.count, round(score.accuracy, 6)) == (10_000, 0.9106)
    published = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
    assert {f"model.{name}" for name in model.state_dict()} == published.keys()
    assert all(torch.equal(value, published[f"model.{name}"]) for name, value in model.state_dict().items())
    assert "test_acc" not in run.status().result  # the event file has that of the last epoch
    assert run.status().result["val_acc"] == pytest.approx(0.9184)
    curve = read_scalars(run.path)["val_acc"]
    assert len(curve.values) == 180
    assert curve.steps[-1] == 63179
