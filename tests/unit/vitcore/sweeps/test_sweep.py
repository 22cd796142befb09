"""Sweeps: finding, linking and rejecting them, and their rows of results."""

from __future__ import annotations

import json
import math
import time

import pytest

from tests.small_sweeps import samples
from vitcore.config import make_config
from vitcore.data import resolve
from vitcore.errors import UserError
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.status import Status, SweepLink
from vitcore.sweeps.plan import plan_samples
from vitcore.sweeps.results import left_out, sample_curve, standard_error, study_rows, summarize_states
from vitcore.sweeps.sweep import delete_sweep, find_sweep, find_sweeps, launch_sweep, link_runs, stop_sweep

# --- rows --------------------------------------------------------------------------------------


def made(name, kind="samples", *, state="finished", acc=None, varied=None, minutes=2.0, n_test=400, **config):
    """A run that ended with a known accuracy."""
    result = (
        {"test_acc": acc, "val_acc": acc + 0.01, "n_test": n_test, "n_val": 100} if acc is not None else {}
    )
    status = Status(state=state, created=time.time(), active_s=60 * minutes, result=result)
    link = SweepLink(name=name, kind=kind, varied=varied or {})
    return create_run(resolve(make_config("quick", **config)), status=status, sweep=link)


def share(model, part, seed, acc=None, **more):
    steps = {"epochs": 10, "steps_per_epoch": 35}
    return made("samples-x", model=model, train_share=part, seed=seed, acc=acc, **steps, **more)


def test_variants_of_a_model_are_lines_of_their_own():
    runs = [
        share("vit", 0.1, 0, 0.40),
        share("vit", 0.1, 0, 0.50, varied={"conv_stem": True}, options={"conv_stem": True}),
        share("vit", 0.1, 0, 0.60, varied={"sam_rho": 0.1}, sam_rho=0.1),
        share("vit", 0.1, 0, 0.44, varied={"of_another_version": 1}),
    ]
    rows = sample_curve(runs)
    assert [(row["label"], row["mean"], row["planned"]) for row in rows] == [
        ("ViT", pytest.approx(0.42), 1),  # an unknown setting cannot be told from its absence
        ("ViT (SAM radius 0.1)", 0.6, 1),
        ("ViT (conv stem)", 0.5, 1),
    ]
    assert {row["model"] for row in rows} == {"vit"}
    assert "of ViT, ViT (conv stem) and ViT (SAM radius 0.1) on" in find_sweep("samples-x").title


def test_sample_rows_equal_hand_computed_values():
    runs = [
        share("resnet", 0.1, 0, 0.50),
        share("resnet", 0.1, 1, 0.56),
        share("resnet", 0.1, 2, 0.53),
        share("vit", 0.1, 0, 0.36),
        share("vit", 0.1, 1, state="running"),
        share("vit", 0.05, 0, state="queued"),
    ]
    rows = sample_curve(reversed(runs))
    assert [(r["model"], r["share"], r["images"]) for r in rows] == [
        ("vit", 0.05, 175),
        ("vit", 0.1, 350),
        ("resnet", 0.1, 350),
    ]
    waiting, one, three = rows
    assert (waiting["mean"], waiting["error"], waiting["error_of"], waiting["state"]) == (
        None,
        None,
        None,
        "queued",
    )
    assert one["mean"] == pytest.approx(0.36)
    assert one["error"] == pytest.approx(0.024)  # sqrt(0.36 * 0.64 / 400)
    assert (one["error_of"], one["seeds"], one["planned"]) == ("test images", [0], 2)
    assert one["state"] == "1 of 2 finished, 1 running"
    assert three["mean"] == pytest.approx(0.53)
    assert three["error"] == pytest.approx(0.03 / math.sqrt(3))  # s = 0.03 of 0.50, 0.53, 0.56
    assert (three["error_of"], three["seeds"], three["n_test"]) == ("seeds", [0, 1, 2], 400)
    assert three["validation"] == pytest.approx(0.54)
    assert (three["steps"], three["batch_size"], three["chance"], three["minutes"]) == (350, 64, 0.1, 2.0)


def test_runs_of_different_budgets_are_never_averaged():
    share("vit", 0.1, 0, 0.3)
    made("samples-x", model="vit", train_share=0.1, seed=1, acc=0.5, epochs=10, steps_per_epoch=70)
    rows = sample_curve(list_runs(bundled=False))
    assert sorted((r["steps"], r["mean"]) for r in rows) == [(350, 0.3), (700, 0.5)]


def test_image_count_comes_from_the_run_if_recorded():
    run = share("vit", 0.05, 0, 0.3)
    run.write_status(run.status().model_copy(update={"result": {"test_acc": 0.3, "n_train": 180}}))
    assert sample_curve([run])[0]["images"] == 180


def test_study_rows_share_the_base():
    values = [({}, 0.50), ({"patch_size": 8}, 0.40), ({"patch_size": 2}, None), ({"norm": "post"}, 0.30)]
    runs = [
        made("study-x", "study", model="vit", varied=v, acc=acc, state="finished" if acc else "failed", **v)
        for v, acc in values
    ]
    rows = study_rows(runs)
    assert [(r["setting"], r["text"], r["base"], r["mean"], r["state"]) for r in rows] == [
        ("patch_size", "2", False, None, "failed"),
        ("patch_size", "4", True, 0.5, "finished"),
        ("patch_size", "8", False, 0.4, "finished"),
        ("norm", "pre", True, 0.5, "finished"),
        ("norm", "post", False, 0.3, "finished"),
    ]
    assert rows[1]["error"] == pytest.approx(0.025)  # sqrt(0.25 / 400)
    assert [r["title"] for r in rows[2:4]] == ["Patch size", "Norm"]
    assert len(study_rows(runs[1:])) == 3  # without its base, which was deleted
    assert [(r["setting"], r["mean"]) for r in study_rows(runs[:1])] == [("", 0.5)]


def test_runs_that_repeat_a_seed_count_once():
    runs = [share("vit", 0.1, 0, 0.35), share("vit", 0.1, 0, 0.37)]
    (row,) = sample_curve(runs)
    assert (row["seeds"], row["planned"], row["error_of"]) == ([0], 1, "test images")
    assert row["mean"] == pytest.approx(0.36)
    assert row["error"] == pytest.approx(0.024)  # sqrt(0.36 * 0.64 / 400)
    (row,) = sample_curve([*runs, share("vit", 0.1, 1, 0.40)])
    assert (row["seeds"], row["planned"], row["error_of"]) == ([0, 1], 2, "seeds")
    assert row["mean"] == pytest.approx(0.38)
    assert row["error"] == pytest.approx(0.02)  # |0.36 - 0.40| / 2


def test_settings_of_another_version_are_left_out_and_named():
    runs = [made("study-x", "study", model="vit", acc=0.5)]
    for varied in ({"future_option": 3, "patch_size": 8}, {"model_dump": 1}, {"c_hidden": [4]}):
        runs.append(made("study-x", "study", model="vit", varied=varied, acc=0.4, patch_size=8))
    runs.append(made("study-x", "study", model="resnet", varied={"c_hidden": [16, 32, 64]}, acc=0.6))
    assert [(r["setting"], r["model"], r["base"], r["mean"]) for r in study_rows(runs)] == [
        ("patch_size", "vit", True, 0.5),
        ("patch_size", "vit", False, 0.4),
        ("c_hidden", "resnet", False, 0.6),
    ]
    for name in ("future_option", "model_dump", "c_hidden"):
        assert name in left_out(runs)
    assert study_rows(runs[2:3]) == []
    assert left_out(runs[:1]) == ""
    assert "future" not in find_sweep("study-x").title


@pytest.mark.parametrize(
    "varied", [{f"setting_{i}": 1 for i in range(1000)}, {"x" * 5000: 1}, {"\x1b[31m": 1}, {"": 1}]
)
def test_links_with_many_long_or_odd_settings_are_ignored(varied):
    run = made("study-x", "study", model="vit", acc=0.5)
    content = json.loads((run.path / "meta.json").read_text())
    content["sweep"]["varied"] = varied
    (run.path / "meta.json").write_text(json.dumps(content))
    assert run.meta.sweep is None


def test_errors_and_states():
    assert standard_error([], 100) == (None, None)
    assert standard_error([0.5], None) == (None, None)
    assert standard_error([0.2, 0.4], 100)[0] == pytest.approx(0.1)  # |a - b| / 2
    assert summarize_states(["queued", "queued"]) == "queued"
    assert (
        summarize_states(["failed", "finished", "queued", "failed"]) == "1 of 4 finished, 1 queued, 2 failed"
    )
    assert summarize_states(["imported", "finished"]) == "1 of 2 finished, 1 imported"


# --- finding, tying ----------------------------------------------------------------------------


def test_sweeps_are_found_with_the_latest_first_and_no_run_counts_twice(tmp_path, monkeypatch):
    first, second = share("vit", 0.1, 0, 0.3), made("study-y", "study", model="vit", acc=0.2)
    create_run(resolve(make_config("quick")))
    assert [(s.name, s.kind, s.runs) for s in find_sweeps(list_runs()) if not s.bundled] == [
        ("study-y", "study", (second,)),
        ("samples-x", "samples", (first,)),
    ]
    assert find_sweep("samples-x").title == "Sample efficiency of ViT on cifar10-mini"
    broken = share("vit", 0.05, 0, 0.3)
    (broken.path / "config.yaml").write_text("model: [")
    assert find_sweep("samples-x").runs == (first,)
    with pytest.raises(UserError, match="'nothing'"):
        find_sweep("nothing")
    copy = Run(tmp_path / "assets" / "runs" / first.id)
    copy.path.parent.mkdir(parents=True)
    copy.path.symlink_to(first.path)
    monkeypatch.setattr("vitcore.runs.folder.assets_dir", lambda: tmp_path / "assets")
    assert copy.bundled
    assert find_sweep("samples-x").runs == (first,)
    assert [s.runs for s in find_sweeps([copy])] == [(copy,)]


def test_separately_launched_runs_become_a_sweep():
    steps = {"epochs": 10, "steps_per_epoch": 35}
    runs = [
        create_run(resolve(make_config("quick", model=m, train_share=0.1, **steps)))
        for m in ("vit", "resnet")
    ]
    assert find_sweeps(runs) == []
    assert set(link_runs(runs, "mine").runs) == set(find_sweep("mine").runs) == set(runs)
    with pytest.raises(UserError, match=r"\bmine\b"):
        link_runs(runs, "other")
    with pytest.raises(UserError, match=r"\b80\b"):
        link_runs([create_run(resolve(make_config("quick", **steps)))], "../x")
    with pytest.raises(UserError, match="steps_per_epoch"):
        link_runs([create_run(resolve(make_config("quick")))], "mine")


# --- launching ---------------------------------------------------------------------------------


def test_missing_data_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match=str(tmp_path)):
        launch_sweep(plan_samples(["vit"], data=f"folder:{tmp_path / 'nowhere'}"))
    assert list_runs(bundled=False) == []


def test_read_only_mode_launches_and_stops_nothing(colors, monkeypatch):
    run = share("vit", 0.1, 0, state="queued")
    monkeypatch.setenv("VITLAB_READONLY", "1")
    for action in (
        lambda: launch_sweep(samples(colors)),
        lambda: stop_sweep(find_sweep("samples-x")),
        lambda: delete_sweep(find_sweep("samples-x")),
        lambda: link_runs([run], "x"),
    ):
        with pytest.raises(UserError, match="read-only"):
            action()
    assert run.status().state == "queued"
