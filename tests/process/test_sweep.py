"""Sweeps through the queue: launched, stopped and resumed as one thing."""

from __future__ import annotations

import pytest

from tests.conftest import TINY_VIT
from tests.process.trainings import LONG, wait_for
from vitcore.config import make_config
from vitcore.errors import UserError
from vitcore.queue import launch as background
from vitcore.runs.folder import list_runs
from vitcore.sweeps.plan import plan_samples, plan_study
from vitcore.sweeps.results import sample_curve, study_rows
from vitcore.sweeps.sweep import delete_sweep, find_sweep, find_sweeps, launch_sweep, resume_sweep, stop_sweep

VIT = {name: value for name, value in TINY_VIT.items() if name != "batch_size"}
RESNET = {"c_hidden": [4, 8], "num_blocks": [1, 1]}


def samples(colours, models=("resnet", "vit"), **more):
    own = {name: {"resnet": RESNET, "vit": VIT}[name] for name in models}
    given = dict(
        data=f"folder:{colours}", shares=(0.25, 1.0), steps=10, seeds=(0,), batch_size=16, device="cpu"
    )
    return plan_samples(models, own=own, **{**given, **more})


def base(colours, **more):
    return make_config(
        "quick", model="vit", data=f"folder:{colours}", device="cpu", **{**TINY_VIT, "epochs": 1, **more}
    )


def test_a_sweep_of_samples_is_launched_trained_and_read(colours):
    plan = samples(colours, shares=(0.25,))
    sweep = launch_sweep(plan)
    assert launch_sweep(plan, once_s=60.0) == sweep  # pressed twice
    assert launch_sweep(samples(colours, models=["vit"], shares=[0.5]), once_s=60.0).name != sweep.name
    assert [run.meta.title for run in sweep.runs] == [entry.title for entry in plan.entries]
    assert {wait_for(run, "finished", "failed").state for run in sweep.runs} == {"finished"}
    assert find_sweep(sweep.name) == sweep
    rows = sample_curve(sweep.runs)
    assert [(r["model"], r["share"], r["images"]) for r in rows] == [
        ("vit", 0.25, 24), ("resnet", 0.25, 24)
    ]  # fmt: skip
    for row, run in zip(rows, reversed(sweep.runs), strict=True):
        status = run.status()
        assert (status.step, row["steps"]) == (10, 10)
        assert (row["mean"], row["n_test"]) == (status.result["test_acc"], 12)
        assert row["parameters"] == status.result["parameters"] > 100
    delete_sweep(sweep)
    assert sweep.name not in [s.name for s in find_sweeps(list_runs())]


@pytest.mark.usefixtures("fake_trainer")
def test_a_study_is_stopped_as_one_thing(colours):
    sweep = launch_sweep(plan_study(base(colours, epochs=LONG), {"num_heads": [1, 2, 4]}))
    wait_for(sweep.runs[0], "running")
    with pytest.raises(UserError, match="not over"):
        delete_sweep(sweep)
    assert stop_sweep(sweep) == 3
    assert {wait_for(run, "stopped").state for run in sweep.runs} == {"stopped"}
    assert stop_sweep(sweep) == 0
    assert [row["state"] for row in study_rows(sweep.runs)] == ["stopped"] * 3
    assert resume_sweep(sweep) == 3
    assert resume_sweep(sweep) == 0
    assert stop_sweep(sweep) == 3


@pytest.mark.usefixtures("fake_trainer")
def test_of_a_sweep_that_cannot_be_launched_nothing_is_left(colours, monkeypatch):
    original, calls = background.launch, []

    def third_fails(config, *given, **more):
        calls.append(config)
        if len(calls) == 3:
            wait_for(list_runs(bundled=False)[-1], "running")
            raise UserError("no room")
        return original(config, *given, **more)

    monkeypatch.setattr(background, "launch", third_fails)
    with pytest.raises(UserError, match="no room"):
        launch_sweep(plan_study(base(colours, epochs=LONG), {"num_heads": [1, 2, 4]}))
    assert len(calls) == 3
    assert list_runs(bundled=False) == []
