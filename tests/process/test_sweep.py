"""Sweeps are launched, stopped and resumed through the queue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import check_refused, run
from tests.conftest import TINY_RESNET, TINY_VIT
from tests.made_runs import make_run
from tests.process.trainings import LONG, wait_for
from tests.small_sweeps import VIT, samples
from tests.waiting import until
from vitcore.config import make_config
from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.queue import launch as background
from vitcore.runs import edit
from vitcore.runs.folder import Run, list_runs
from vitcore.sweeps.plan import plan_study
from vitcore.sweeps.results import sample_curve, study_rows
from vitcore.sweeps.sweep import delete_sweep, find_sweep, find_sweeps, launch_sweep, resume_sweep, stop_sweep
from vitcore.training.engine import execute

TINY = [word for name, value in VIT.items() for word in ("--set", f"vit.{name}={value}")]


def base(colors, **more):
    return make_config(
        "quick", model="vit", data=f"folder:{colors}", device="cpu", **{**TINY_VIT, "epochs": 1, **more}
    )


@pytest.mark.usefixtures("fake_trainer")
def test_sweep_of_samples_is_launched_once_found_and_deleted(colors):
    plan = samples(colors, shares=(0.25,))
    sweep = launch_sweep(plan)
    assert launch_sweep(plan, dedupe_s=60.0) == sweep  # pressed twice
    assert launch_sweep(samples(colors, models=["vit"], shares=[0.5]), dedupe_s=60.0).name != sweep.name
    assert [run.meta.title for run in sweep.runs] == [entry.title for entry in plan.entries]
    assert {wait_for(run, "finished", "failed").state for run in sweep.runs} == {"finished"}
    assert find_sweep(sweep.name) == sweep
    delete_sweep(sweep)
    assert sweep.name not in [s.name for s in find_sweeps(list_runs())]


def test_rows_show_the_results_of_the_trainings(colors, monkeypatch):
    monkeypatch.setattr(background, "ensure_supervisor", lambda home: None)  # trained here instead
    sweep = launch_sweep(samples(colors, shares=(0.25,)))
    for queued in sweep.runs:
        execute(queued)
    rows = sample_curve(sweep.runs)
    assert [(r["model"], r["share"], r["images"]) for r in rows] == [("vit", 0.25, 24), ("resnet", 0.25, 24)]
    for row, trained in zip(rows, reversed(sweep.runs), strict=True):
        status = trained.status()
        assert (status.step, row["steps"]) == (10, 10)
        assert (row["mean"], row["n_test"]) == (status.result["test_acc"], 12)
        assert row["parameters"] == status.result["parameters"] > 100


@pytest.mark.usefixtures("fake_trainer")
def test_study_is_stopped_as_a_whole(colors):
    sweep = launch_sweep(plan_study(base(colors, epochs=LONG), {"num_heads": [1, 2, 4]}))
    wait_for(sweep.runs[0], "running")
    with pytest.raises(UserError, match="still active"):
        delete_sweep(sweep)
    assert stop_sweep(sweep) == 3
    assert {wait_for(run, "stopped").state for run in sweep.runs} == {"stopped"}
    assert stop_sweep(sweep) == 0
    assert [row["state"] for row in study_rows(sweep.runs)] == ["stopped"] * 3
    assert resume_sweep(sweep) == 3
    assert resume_sweep(sweep) == 0
    assert stop_sweep(sweep) == 3


@pytest.mark.usefixtures("fake_trainer")
def test_failed_launch_of_a_sweep_leaves_nothing(colors, monkeypatch):
    original, calls = background.launch, []

    def third_fails(config, *given, **more):
        calls.append(config)
        if len(calls) == 3:
            wait_for(list_runs(bundled=False)[-1], "running")
            raise UserError("no room")
        return original(config, *given, **more)

    monkeypatch.setattr(background, "launch", third_fails)
    with pytest.raises(UserError, match="no room"):
        launch_sweep(plan_study(base(colors, epochs=LONG), {"num_heads": [1, 2, 4]}))
    assert len(calls) == 3
    assert list_runs(bundled=False) == []


@pytest.mark.usefixtures("fake_trainer")
def test_samples_are_queued_shown_stopped_and_deleted(colors):
    done = run(
        "sweep",
        "samples",
        "vit",
        "--data",
        f"folder:{colors}",
        "--shares",
        "50,100",
        "--seeds",
        "3",
        "--steps",
        "1000000",
        "--batch-size",
        16,
        "--device",
        "cpu",
        *TINY,
    )
    assert done.returncode == 0, done.stderr
    found = [Run(Path(line)) for line in done.stdout.split()]
    (sweep,) = find_sweeps(list_runs(bundled=False))
    assert list(sweep.runs) == found
    assert sweep.name in done.stderr
    assert [(r.config.train_share, r.config.options["embed_dim"]) for r in found] == [(0.5, 16), (1.0, 16)]
    shown = json.loads(run("sweep", "show", sweep.name, "--json").stdout)
    assert [(row["share"], row["mean"]) for row in shown["rows"]] == [(0.5, None), (1.0, None)]
    assert (
        run("sweep", "list").stdout.splitlines()[1].startswith(f"{sweep.name}  Sample efficiency of ViT on")
    )
    check_refused(run("sweep", "delete", sweep.name))
    assert "2 runs stopped" in run("sweep", "stop", sweep.name).stderr
    until(lambda: {r.status().state for r in found} == {"stopped"})
    assert run("sweep", "delete", sweep.name).returncode == 0
    assert list_runs(bundled=False) == []


def test_fine_tuned_line_is_trained_from_its_start(colors, monkeypatch):
    monkeypatch.setattr(background, "ensure_supervisor", lambda home: None)  # trained here instead
    start = make_run(runs_dir(), "start", model="resnet", **TINY_RESNET)
    sweep = launch_sweep(samples(colors, models=["vit"], shares=(0.25,), starts=[start]))
    edit.delete(start)  # every run of the sweep has kept the weights
    for queued in sweep.runs:
        execute(queued)
    rows = sample_curve(sweep.runs)
    assert [(row["label"], row["share"]) for row in rows] == [
        ("ViT", 0.25),
        (f"ResNet from {start.id}", 0.25),
    ]
    assert all(row["mean"] is not None and row["steps"] == 10 for row in rows)
