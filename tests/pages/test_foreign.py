"""Event files of other programs on Compare."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from torch.utils.tensorboard import SummaryWriter

from dashboard.compare import measured, score_table
from dashboard.drawing.markdown import escape
from dashboard.shared import metric_charts, page_runs, resources, run_curves
from dashboard.shared.run_curves import CurveStyle
from tests.apptests import open_app
from tests.made_runs import make_run
from vitcore import numbers
from vitcore.config import make_config
from vitcore.paths import runs_dir
from vitcore.runs import foreign
from vitcore.runs.creation import create_run
from vitcore.runs.folder import find_run
from vitcore.runs.status import Status


def write(name: str, curves: dict[str, list[float]]) -> Path:
    folder = runs_dir() / name
    with SummaryWriter(str(folder)) as writer:
        for tag, values in curves.items():
            for step, value in enumerate(values):
                writer.add_scalar(tag, value, step)
    return folder


def infos(app) -> str:
    return " ".join(info.value for info in app.info)


def test_a_run_without_epochs_is_drawn_over_steps_and_the_page_says_so():
    write("keras", {"epoch_loss": [2.0, 1.0], "epoch_accuracy": [0.1, 0.4]})
    app = open_app("compare", runs="vit-cifar10,keras", show="Speed to accuracy")
    assert "keras" in infos(app)
    app = open_app("compare", runs="vit-cifar10,keras", show="Speed to accuracy", x="step")
    assert not infos(app)


@pytest.mark.parametrize("axis", ["epoch", "images"])
def test_fallback_changes_the_axis_of_all_runs(axis):
    write("other", {"train/loss": [2.0, 1.0]})
    (run,) = resources.foreign_runs()
    bundled = find_run("vit-cifar10")
    look, notes = run_curves.fitting([bundled, run], CurveStyle(axis, 0.5))
    assert (look, len(notes)) == (CurveStyle("step", 0.5), 1)
    assert run_curves.fitting([bundled], CurveStyle(axis)) == (CurveStyle(axis), [])
    (drawn,) = run_curves.collect([run], ("train_loss", "val_loss"), look).items
    assert drawn["x"] == [0, 1]
    assert drawn["legend"]


def test_recorded_epochs_of_another_program_are_an_axis():
    write("hugging", {"train/epoch": [0.0, 0.5, 1.0], "eval/loss": [3.0, 2.0, 1.0]})
    (run,) = resources.foreign_runs()
    look, notes = run_curves.fitting([run], CurveStyle("epoch"))
    assert (look.axis, notes) == ("epoch", [])
    (drawn,) = run_curves.collect([run], ("train_loss", "val_loss"), look).items
    assert drawn["x"] == [0, 0.5, 1]


def test_a_damaged_file_is_named_at_the_top_of_the_curves():
    folder = write("broken", {"loss": [float(i) for i in range(50)]})
    (file,) = folder.iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)
    app = open_app("compare", runs="broken", x="step")
    assert escape("broken") in infos(app)
    assert file.name in infos(app).replace("\\", "")


def test_many_metrics_are_filtered_and_paged():
    write("wide", {f"layer {i}/norm": [1.0, 2.0] for i in range(40)})
    query = {"runs": "wide", "x": "step", "more_compare": "true"}

    def titles(app):
        return [markdown.value for markdown in app.markdown if "/norm" in markdown.value]

    assert len(titles(open_app("compare", **query))) == metric_charts.PER_PAGE
    assert len(titles(open_app("compare", **query, metrics_page="4"))) == 40 - 3 * metric_charts.PER_PAGE
    assert len(titles(open_app("compare", **query, metrics="LAYER 39"))) == 1
    app = open_app("compare", **query, metrics="nothing")
    assert not titles(app)
    assert any("No metric" in caption.value for caption in app.caption)


def test_csv_keeps_the_recorded_tags_and_values():
    write("torch", {"Accuracy/test": [10.0, 90.0]})
    (run,) = resources.foreign_runs()
    assert resources.scalars(run)["val_acc"].values.tolist() == pytest.approx([0.1, 0.9])
    rows = list(csv.DictReader(io.StringIO(metric_charts.as_csv([run]))))
    assert [(row["tag"], float(row["value"])) for row in rows] == [
        ("Accuracy/test", 10.0),
        ("Accuracy/test", 90.0),
    ]


def test_only_active_runs_promise_points():
    drawing = run_curves.Drawing([], [], [])
    waiting = create_run(make_config("quick"), status=Status(state="queued"))
    failed = create_run(make_config("quick"), status=Status(state="failed"))
    assert "first points" in run_curves._empty_note([failed, waiting], drawing)
    assert "first points" not in run_curves._empty_note([failed], drawing)


def test_the_disk_is_searched_once_for_several_reruns(monkeypatch):
    write("one", {"loss": [1.0]})
    calls = []
    search = foreign.foreign_runs
    monkeypatch.setattr(foreign, "foreign_runs", lambda home: calls.append(home) or search(home))
    for _ in range(3):
        assert [run.id for run in resources.foreign_runs()] == ["one"]
    assert len(calls) == 1
    write("two", {"loss": [1.0]})
    assert [run.id for run in resources.foreign_runs()] == ["one", "two"]


def test_the_legend_names_every_curve():
    write("only training", {"loss": [2.0, 1.0]})
    (run,) = resources.foreign_runs()
    runs = [find_run("vit-cifar10"), run]
    items = run_curves.collect(runs, ("train_loss", "val_loss"), CurveStyle("step")).items
    names = [item["name"] for item in items if item["legend"]]
    assert names == ["ViT, 20 epochs", "only training (training)", "faint: training"]


def test_training_curves_are_lighter_on_a_dark_background():
    run = find_run("vit-cifar10")

    def brightness(dark):
        items = run_curves.collect([run], ("train_loss", "val_loss"), CurveStyle(), dark=dark).items
        color = next(item["color"] for item in items if item["name"] == "training")
        return sum(int(color[i : i + 2], 16) for i in (1, 3, 5))

    assert brightness(dark=True) > 1.3 * brightness(dark=False)


def test_results_on_test_images_have_no_chart():
    run = make_run(runs_dir(), "own")
    with SummaryWriter(str(run.path)) as writer:
        for tag in ("test_acc", "test_loss", "lr"):
            writer.add_scalar(tag, 0.5, 1)
    assert run_curves.other_tags([run]) == ["lr"]


@pytest.mark.parametrize("name", page_runs.OFFERED)
def test_page_asks_for_its_runs_where_its_scene_does(name, monkeypatch):
    asked = []
    offered = page_runs.OFFERED[name]
    monkeypatch.setitem(page_runs.OFFERED, name, lambda: asked.append(name) or offered()[:2])
    open_app(name)
    assert asked


def test_curve_without_a_finite_value_is_named_and_has_no_entry_in_the_legend():
    write("diverged", {"val_acc": [float("nan"), float("inf")]})
    (run,) = resources.foreign_runs()
    runs = [find_run("vit-cifar10"), run]
    drawing = run_curves.collect(runs, ("train_acc", "val_acc"), CurveStyle("step"))
    assert not any("diverged" in item["name"] for item in drawing.items)
    assert any("diverged" in note for note in drawing.notes("step"))
    captions = " ".join(
        caption.value for caption in open_app("compare", runs="vit-cifar10,diverged", x="step").caption
    )
    assert "finite number" in captions
    assert "diverged" in captions
    alone = run_curves.collect([run], ("train_acc", "val_acc"), CurveStyle("step"))
    assert "finite" in run_curves._empty_note([run], alone)


@pytest.mark.parametrize("steps", [[2**62], [-(2**62), 2**62]])
def test_far_steps_are_left_out_and_counted(steps):
    with SummaryWriter(str(runs_dir() / "odd")) as writer:
        for step in [*range(6), *steps]:
            writer.add_scalar("loss", 1.0, step)
    (run,) = resources.foreign_runs()
    for runs in ([run], [find_run("vit-cifar10"), run]):
        drawing = run_curves.collect(runs, ("train_loss", "val_loss"), CurveStyle("step"))
        assert max(abs(x) for item in drawing.items for x in item["x"]) < 1e6
        (note,) = drawing.notes("step")
        assert numbers.count(len(steps), "point") in note


def test_best_of_imported_curves_is_the_same_in_the_chart_and_in_the_table():
    write("other", {"val/accuracy": [0.25, float("nan"), 0.975, float("inf"), 0.5]})
    (run,) = resources.foreign_runs()
    (best,) = run_curves.collect([run], ("train_acc", "val_acc"), CurveStyle("step")).best
    groups = score_table.table(measured.look_up([run], 1000))
    (line,) = (line for line in groups["Accuracy"] if line.name == "validation, best")
    assert best["text"] == "best 97.50 %"
    assert line.cells == ["97.50"]
