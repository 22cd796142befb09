"""Recorded training steps give the results of single steps. tests/gpu_check.py makes real recordings.

Here a "recording" is the step itself, which runs each time it is repeated. Everything else is the code that
runs on a GPU: fixed inputs, rates as tensors, a separate recording for each shape of batch.
"""

from __future__ import annotations

import functools

import pytest
import torch

from tests.small_trainings import check_same_training, config, reference_config, stop_at
from vitcore.runs.metrics import read_scalars
from vitcore.training import capture, engine, train


@pytest.fixture
def recorded(monkeypatch):
    """Let trainings on the CPU record their steps. Return the steps that were recorded."""
    steps = []

    def record(step):
        steps.append(step)
        return step

    monkeypatch.setattr(engine, "Recorder", functools.partial(capture.Recorder, record=record))
    return steps


@pytest.mark.parametrize("model", ["vit", "resnet"])
def test_recorded_steps_train_the_same_weights_as_single_steps(model, colors, recorded, monkeypatch):
    settings = reference_config(colors, model).model_copy(update={"full_epochs": 1})
    run = train(settings, progress=False)
    assert len(recorded) == (2 if model == "vit" else 1)  # the ViT's last epoch has all patches
    with monkeypatch.context() as patch:
        patch.setattr(capture, "WARM_UP", 10_000)
        single = train(settings, progress=False)
    assert len(recorded) <= 2
    check_same_training(run, single)


def test_recorded_steps_train_like_a_training_without_a_recorder(colors, recorded, monkeypatch):
    """The rates are float32 in one training and float64 in the other."""
    settings = config(colors, batch_size=4, optimizer="muon", clip_norm=0.1)
    run = train(settings, progress=False)
    assert recorded
    monkeypatch.undo()
    plain = train(settings, progress=False)
    for tag in ("train_loss", "val_loss", "lr"):
        ours, theirs = read_scalars(run.path)[tag], read_scalars(plain.path)[tag]
        assert ours.values.tolist() == pytest.approx(theirs.values.tolist(), rel=1e-4)


def test_stopped_training_resumes_exactly_with_recorded_steps(colors, recorded):
    settings = reference_config(colors)
    whole = train(settings, progress=False)
    with stop_at(40):
        run = train(settings, progress=False)
    assert run.status().state == "stopped"
    rates = torch.load(run.last, weights_only=True)["optimizer_states"][0]["param_groups"]
    assert all(type(group["lr"]) is float for group in rates)
    check_same_training(train(resume=run, progress=False), whole)


def test_training_continues_with_single_steps_when_recording_fails(colors, monkeypatch, capsys):
    def fail(step):
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nand more")

    monkeypatch.setattr(engine, "Recorder", functools.partial(capture.Recorder, record=fail))
    settings = config(colors, batch_size=4, epochs=1)
    run = train(settings, progress=False)
    assert run.status().state == "finished"
    assert capsys.readouterr().out.count("not permitted") == 1
    monkeypatch.setattr(engine, "Recorder", functools.partial(capture.Recorder, record=lambda step: step))
    check_same_training(run, train(settings, progress=False))


def test_recordings_are_released_when_the_training_ends_or_fails(colors, recorded, monkeypatch):
    recorders = []

    def recorder(*arguments):
        recorders.append(capture.Recorder(*arguments, record=lambda step: step))
        return recorders[-1]

    monkeypatch.setattr(engine, "Recorder", recorder)
    settings = config(colors, batch_size=4, epochs=1)
    train(settings, progress=False)
    with stop_at(9):
        train(settings, progress=False)
    assert len(recorders) == 2
    assert not any(recorder.recordings for recorder in recorders)
