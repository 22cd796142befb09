"""Imported checkpoints: the published ResNet has its published accuracy, our own their epochs."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import TINY_VIT
from tests.small_trainings import reference_config, train_until
from vitcore.data import load_dataset
from vitcore.exchange.checkpoint import import_checkpoint
from vitcore.models import load_run
from vitcore.models.evaluate import evaluate
from vitcore.runs.metrics import read_scalars
from vitcore.training import train


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


def test_last_checkpoint_of_a_training_is_imported_with_its_epochs_and_curves(colors):
    trained = train_until(30, reference_config(colors))  # in the second epoch of 24 steps
    given = {"model": "vit", "data": f"folder:{colors}", "settings": {"num_heads": TINY_VIT["num_heads"]}}
    run = import_checkpoint(trained.last, **given)
    assert (run.status().step, run.status().epoch) == (30, 1)
    assert "val_acc" in read_scalars(run.path)
    assert "test_acc" not in run.status().result
    train(resume=trained, progress=False)
    again = import_checkpoint(trained.last, **given)
    assert again != run
    assert (again.status().step, again.status().epoch) == (72, 3)
