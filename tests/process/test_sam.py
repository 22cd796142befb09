"""Trainings with sharpness-aware minimization: exact resume, and single steps where others are recorded."""

from __future__ import annotations

import functools

import pytest

from tests.small_trainings import check_same_training, config, reference_config, same_weights, train_until
from vitcore.training import capture, engine, train


@pytest.mark.parametrize("model", ["vit", "resnet"])
def test_stopped_training_with_sam_resumes_exactly(model, colors):
    settings = reference_config(colors, model).model_copy(update={"sam_rho": 0.1})
    whole = train(settings, progress=False)
    run = train_until(40, settings)
    check_same_training(train(resume=run, progress=False), whole)
    plain = train(settings.model_copy(update={"sam_rho": 0.0}), progress=False)
    assert not same_weights(whole, plain)


def test_steps_of_sam_are_not_recorded_and_the_log_says_so_once(colors, monkeypatch, capsys):
    recorded = []

    def record(step):
        recorded.append(step)
        return step

    settings = config(colors, batch_size=4, epochs=1, sam_rho=0.1)
    single = train(settings, progress=False)
    capsys.readouterr()
    monkeypatch.setattr(engine, "Recorder", functools.partial(capture.Recorder, record=record))
    run = train(settings, progress=False)
    assert not recorded
    assert capsys.readouterr().out.count("SAM") == 1
    check_same_training(run, single)
