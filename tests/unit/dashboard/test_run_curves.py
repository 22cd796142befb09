"""Curves: thinning, overwritten points, axes, smoothing, CSV and the filter of runs."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.tensorboard import SummaryWriter

from dashboard.components.curves import legend_height, series, thinned
from dashboard.shared.labels import label_among, run_label, run_labels
from dashboard.shared.metric_charts import as_csv
from dashboard.shared.run_curves import (
    CurveStyle,
    Drawing,
    _empty_note,
    collect,
    epoch_note,
    other_tags,
)
from dashboard.training.run_table import matches, varied_columns
from tests.made_runs import date_events
from vitcore.config import make_config
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run, find_run
from vitcore.runs.listing import as_row
from vitcore.runs.status import Status


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(4, 60))
def test_thinning_keeps_ends_and_extremes(values, most):
    array = np.array(values)
    kept = thinned(array, most)
    assert (np.diff(kept) > 0).all()
    assert (kept[0], kept[-1]) == (0, len(values) - 1)
    assert array[kept].max() == array.max()
    assert array[kept].min() == array.min()
    assert len(kept) <= most + 4


def test_thinning_ignores_nan_and_infinity():
    values = 5.0 + np.arange(100.0)
    values[[3, 50]] = np.nan, np.inf
    kept = set(thinned(values, 10).tolist())
    assert {0, 99} <= kept
    assert 98 in kept or 99 in kept
    assert np.nanmin(values[sorted(kept)]) == 5.0
    assert not {3, 50} & kept


def test_nan_and_infinity_become_gaps():
    made = series("x", np.arange(4.0), np.array([1.0, np.nan, np.inf, 2.0]), "#000000")
    assert made["y"] == [1.0, None, None, 2.0]


def test_note_explains_epochs_of_a_fixed_number_of_steps():
    share, other, passes = (
        find_run(n) for n in ("samples-vit-05-seed0", "samples-resnet-05-seed0", "vit-cifar10")
    )
    assert epoch_note([passes]) == ""
    assert re.findall(r"\d+ optimizer steps", epoch_note([share])) == ["350 optimizer steps"]
    assert epoch_note([share, other]).count("350") == 1  # one sentence for both
    assert share.title not in epoch_note([share, other])
    assert share.title in epoch_note([passes, share])  # only one of the two
    assert passes.title not in epoch_note([passes, share])


def test_note_counts_a_single_step(tmp_path):
    run = create_run(make_config("quick", steps_per_epoch=1), tmp_path)
    assert re.search(r"\b1 optimizer step\b", epoch_note([run]))


@pytest.mark.parametrize(("points", "markers"), [(1, True), (4, True), (5, False)])
def test_curve_of_few_points_has_markers(tmp_path, points, markers):
    run = create_run(make_config("quick"), tmp_path)
    writer = SummaryWriter(str(run.path))
    for step in range(points):
        writer.add_scalar("train_acc", 0.5, step)
    writer.close()
    (item,) = collect([run], ["train_acc", "val_acc"], CurveStyle("step")).items
    assert item["markers"] is markers


def test_empty_chart_says_why_it_is_empty(tmp_path):
    def run(state, started=None):
        return create_run(make_config("quick"), tmp_path, status=Status(state=state, started=started))

    removed, stopped, queued = run("stopped"), run("stopped", 1.0), run("queued")
    empty = Drawing([], [], [])
    never, ended, soon = (_empty_note([one], empty) for one in (removed, stopped, queued))
    assert len({never, ended, soon, ""}) == 4
    assert _empty_note([run("finished")], empty) == ended
    assert _empty_note([removed, queued], empty) == soon
    assert _empty_note([removed, stopped], empty) == ended
    assert _empty_note([removed, removed], empty) not in (ended, soon, "")


def test_table_has_columns_for_the_settings_that_differ_from_the_recipe(tmp_path):
    configs = [
        make_config("quick", model="resnet"),
        make_config("quick", model="resnet", epochs=4, seed=1, device="cpu"),
        make_config("quick", model="vit", patch_size=8),
    ]
    rows = varied_columns([create_run(config, tmp_path) for config in configs])
    assert [list(row) for row in rows] == 3 * [["seed", "planned epochs", "patch size"]]
    assert rows[1] == {"seed": "1", "planned epochs": "4", "patch size": None}
    assert rows[2]["patch size"] == "8"
    assert varied_columns([]) == []


def test_table_has_no_planned_epochs_for_a_run_with_a_time_budget(tmp_path):
    timed = create_run(make_config("quick", model="vit", epochs=4, minutes=2), tmp_path)
    counted = create_run(make_config("quick", model="vit", epochs=4), tmp_path)
    assert [row.get("planned epochs") for row in varied_columns([timed, counted])] == [None, "4"]
    assert "planned epochs" not in varied_columns([timed])[0]


def test_labels_have_the_time_and_more_only_where_it_is_needed(tmp_path):
    def run(name, title):
        made = Run(create_run(make_config("quick"), tmp_path, title=title).path.rename(tmp_path / name))
        return made

    one = run("vit-quick-20261128-021104", "ViT quick")
    twin = run("vit-quick-20261128-021150", "ViT quick")
    later = run("vit-quick-20261129-031104", "ViT quick")
    bundled = find_run("vit-cifar10")
    assert run_label(one) == "ViT quick (02:11)"
    labels = run_labels([one, twin, later, bundled])
    assert labels[one.id] == "ViT quick (28 Nov 02:11:04)"
    assert labels[twin.id] == "ViT quick (28 Nov 02:11:50)"
    assert labels[later.id] == "ViT quick (03:11)"
    assert labels[bundled.id] == bundled.title
    assert {label_among(run, [one, twin, later, bundled]) for run in (one, twin, later)} == {
        labels[run.id] for run in (one, twin, later)
    }


@pytest.fixture
def resumed():
    run = create_run(make_config("quick", batch_size=32))
    for begin, end, purge in ((0, 40, None), (20, 60, 20)):
        with SummaryWriter(str(run.path), purge_step=purge) as writer:
            for step in range(begin, end):
                writer.add_scalar("val_acc", 0.9 - abs(step - 50) / 100, step)
                writer.add_scalar("epoch", step / 10, step)
                writer.add_scalar("lr", 0.1, step)
        date_events(run.path, begin)
    return run


def test_overwritten_points_are_dotted_and_the_best_is_marked(resumed):
    drawing = collect([resumed], ("train_acc", "val_acc"), CurveStyle())
    main, piece = drawing.items
    assert (main["x"], main["dash"]) == (pytest.approx(np.arange(60) / 10), "solid")
    assert (piece["dash"], piece["hover"], piece["legend"]) == ("dot", False, False)
    assert piece["x"] == pytest.approx(np.arange(20, 40) / 10)
    (best,) = drawing.best
    assert (best["x"], best["y"], best["text"]) == (5.0, pytest.approx(0.9), "best 90.00 %")
    assert other_tags([resumed]) == ["lr"]


def test_x_axis_has_the_chosen_unit(resumed):
    ends = {}
    for axis in ("step", "epoch", "images"):
        ends[axis] = collect([resumed], ("val_acc",), CurveStyle(axis)).items[0]["x"][-1]
    assert ends == {"step": 59, "epoch": pytest.approx(5.9), "images": 59 * 32}
    curve = collect([find_run("vit-cifar10")], ("val_acc",), CurveStyle("wall clock")).items[0]
    assert curve["x"][-1] == pytest.approx(find_run("vit-cifar10").status().active_s / 60, rel=0.05)


def test_smoothed_curve_is_drawn_over_the_raw_one(resumed):
    raw, smooth, _ = collect([resumed], ("val_acc",), CurveStyle(smooth=0.9)).items
    assert np.std(smooth["y"]) < np.std(raw["y"])
    assert raw["color"].startswith(smooth["color"])
    assert not raw["legend"]


def test_csv_has_every_point(resumed):
    rows = list(csv.DictReader(io.StringIO(as_csv([resumed]))))
    assert len(rows) == 3 * 60
    assert [int(r["step"]) for r in rows if r["tag"] == "val_acc"] == list(range(60))
    assert float(rows[0]["value"]) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("text", "states", "models", "found"),
    [
        ("", [], [], True),
        ("vit CIFAR10", [], [], True),
        ("vit mars", [], [], False),
        ("", ["failed"], [], False),
        ("", ["finished"], ["vit"], True),
        ("", [], ["resnet"], False),
    ],
)
def test_runs_are_filtered_by_text_state_and_model(text, states, models, found):
    assert matches(as_row(find_run("vit-cifar10")), text, states, models) == found


def test_narrow_chart_grows_with_the_entries_of_its_legend():
    points = np.arange(3.0)
    lines = [series(str(i), points, points, "#000000", legend=i < 5) for i in range(8)]
    assert legend_height(lines[:2]) == 0
    assert legend_height(lines) == legend_height(lines[:5]) == 3 * legend_height(lines[:3]) > 0
