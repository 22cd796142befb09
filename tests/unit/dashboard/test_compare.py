"""Figures, tables and texts of the Compare page, compared with plain loops over the same values."""

from __future__ import annotations

import csv
import dataclasses
import io
import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.compare import figures as draw
from dashboard.compare import measured, score_table
from dashboard.compare.confusion_figures import confusions
from dashboard.compare.figures import Shown
from dashboard.compare.measured import Item
from dashboard.shared import columns
from dashboard.shared.default_runs import default_runs
from dashboard.sweeps import results
from tests.apptests import open_app
from tests.conftest import ROOT, TINY_RESNET
from tests.made_runs import make_run
from vitcore.config import make_config
from vitcore.paths import runs_dir
from vitcore.probes import TEST
from vitcore.probes.measure import measure
from vitcore.probes.score_values import Speed, TestScores, TrainingSpeed
from vitcore.probes.store import Subject
from vitcore.runs.creation import create_run
from vitcore.runs.folder import find_run
from vitcore.runs.foreign import foreign_runs
from vitcore.runs.metrics import Curve, Scalars, read_scalars
from vitcore.runs.status import Status, SweepLink
from vitcore.runs.time_to_accuracy import best, first_at_least, last


def curve(values, every=10):
    steps = np.arange(1, len(values) + 1) * every
    return Curve(steps, 1000.0 + steps, np.array(values, dtype=float))


def test_first_step_at_a_target_is_found():
    values = [0.2, 0.5, 0.45, 0.7, 0.7]
    scalars = Scalars({"val_acc": curve(values), "epoch": curve([1, 2, 3, 4, 5])})
    for target in (0.1, 0.2, 0.5, 0.46, 0.7, 0.71):
        moment = first_at_least(scalars, target, 32)
        at = next((i for i, value in enumerate(values) if value >= target), None)
        if at is None:
            assert moment is None
            continue
        assert (moment.value, moment.step, moment.epoch) == (values[at], 10 * (at + 1), at + 1)
        assert (moment.seconds, moment.images) == (10 * at, 320 * (at + 1))
    assert best(scalars).step == 40  # the first of equal ones
    assert best(scalars).images is None
    assert last(scalars).step == 50
    empty = Scalars({"train_acc": curve(values), "val_acc": curve([np.nan])})
    assert best(empty) is None
    assert first_at_least(empty, 0.1) is None
    assert best(Scalars()) is last(Scalars()) is first_at_least(Scalars(), 0.1) is None


def test_bundled_resnet_reaches_the_accuracy_of_the_vit():
    vit, resnet = (read_scalars(find_run(name).path) for name in ("vit-cifar10", "resnet-cifar10"))
    target = max(vit["val_acc"].values)
    assert best(vit).value == target
    epochs = [i + 1 for i, value in enumerate(resnet["val_acc"].values) if value >= target]
    moment = first_at_least(resnet, target, 128)
    assert moment.epoch == pytest.approx(epochs[0])
    assert moment.images == moment.step * 128
    assert first_at_least(vit, max(resnet["val_acc"].values)) is None


# test scores that the figures do not draw
UNUSED = {
    "accuracy": 0.9,
    "loss": 0.3,
    "parameters": 1,
    "multiply_adds": 1,
    "training": None,
    "truth": [],
    "predicted": [],
    "confidence": [],
    "truth_probability": [],
}


@pytest.fixture
def pair():
    draw_from = np.random.default_rng(0)
    runs = []
    for name, color in (("A", "#0072B2"), ("B", "#D55E00")):
        table = draw_from.integers(0, 9, (4, 4)) + 50 * np.eye(4, dtype=int)
        count = draw_from.integers(0, 40, 15)
        values = {
            **UNUSED,
            "classes": ["ant", "bee", "cow", "dog"],
            "confusion": table.tolist(),
            "class_accuracy": {
                "mean": (np.diag(table) / table.sum(1)).tolist(),
                "error": [0.1] * 4,
                "count": table.sum(1).tolist(),
            },
            "calibration": {
                "bins": 15,
                "ece": 0.123,
                "count": count.tolist(),
                "accuracy": [0.5] * 15,
                "confidence": ((np.arange(15) + 0.5) / 15).tolist(),
            },
        }
        runs.append(Shown(name, color, "solid", TestScores.model_validate(values)))
    return runs


def test_confusion_matrices_are_drawn_with_their_difference(pair):
    figure = confusions(pair).plot
    maps = [trace for trace in figure.data if trace.type == "heatmap"]
    a, b = (np.array(run.scores.confusion) for run in pair)
    aside = ~np.eye(4, dtype=bool)
    for trace, table in zip(maps, (a, b), strict=False):
        assert (np.array(trace.z)[aside] == table[aside]).all()
        assert np.isnan(np.diag(np.array(trace.z))).all()
        assert not any(np.diag(np.array(trace.text)))  # written once, by the bold numbers
        assert trace.zmax == max(a[aside].max(), b[aside].max())  # one scale
    assert (np.nan_to_num(maps[2].z) == a - b).all()
    assert maps[2].zmin == -maps[2].zmax == -np.abs(a - b).max()
    assert len([t for t in confusions(pair[:1]).plot.data if t.type == "heatmap"]) == 1


def test_accuracy_per_class_is_sorted_and_labeled(pair):
    figure = draw.classes(pair).plot
    names = figure.layout.yaxis.ticktext
    means = np.array([run.scores.class_accuracy.mean for run in pair])
    middle = dict(zip(pair[0].scores.classes, means.mean(axis=0), strict=True))
    assert [middle[name] for name in names] == sorted(middle.values())
    dots = [trace for trace in figure.data if trace.mode == "markers"]
    for trace, run in zip(dots, pair, strict=True):
        drawn = dict(zip(trace.text, trace.x, strict=True))
        for name, mean in zip(run.scores.classes, run.scores.class_accuracy.mean, strict=True):
            assert drawn[name] == pytest.approx(100 * mean)


def test_reliability_diagram_omits_empty_bins(pair):
    figure = draw.calibration(pair).plot
    lines = [trace for trace in figure.data if getattr(trace, "mode", "") == "lines+markers"]
    for trace, run in zip(lines, pair, strict=True):
        count = np.array(run.scores.calibration.count)
        assert trace.customdata.tolist() == count[count > 0].tolist()
        assert "ECE 12.3 %" in trace.name
        few = [symbol == "circle-open" for symbol in trace.marker.symbol]
        assert few == [n < draw.FEW for n in count[count > 0]]


@pytest.fixture
def known(tmp_path):
    """A measured run whose title is not friendly, and one without weights."""
    run = make_run(tmp_path / "runs", "<b>tiny</b>", model="resnet", **TINY_RESNET)
    result = [*measure(TEST, [Subject(run)], 1000)][-1].result
    empty = create_run(make_config("quick"), tmp_path / "runs", title="empty", status=Status(state="lost"))
    return measured.look_up([run, empty], 1000), result


def test_table_has_measured_values_and_dashes(known):
    items, result = known
    lines = {line.name: line.cells for group in score_table.table(items).values() for line in group}
    share, trained = result.values.accuracy, result.values.training.accuracy
    assert lines["test images"] == [f"{100 * share:.2f}, n = 1,000", columns.MISSING]
    assert lines["training images"] == [f"{100 * trained:.2f}, n = 1,000", columns.MISSING]
    error = 100 * np.sqrt((share * (1 - share) + trained * (1 - trained)) / 1000)
    gap = f"{100 * (trained - share):+.2f} ± {error:.2f}"
    assert lines["gap, training minus test"] == [gap, columns.MISSING]
    assert lines["inference"] == [columns.MISSING] * 2
    assert lines["model"] == ["ResNet", "ViT"]
    assert items[1].why


def test_run_without_a_configuration_has_a_column_of_dashes(known, tmp_path):
    foreign = tmp_path / "runs" / "foreign"
    foreign.mkdir()
    (foreign / "events.out.tfevents.1").touch()
    (run,) = foreign_runs(tmp_path / "runs")
    result = {"test_acc": 0.5}  # without the number of images
    run.write_status(Status(state="finished", result=result))
    items = measured.look_up([known[0][0].run, run], 1000)
    lines = {line.name: line.cells[1] for group in score_table.table(items).values() for line in group}
    assert lines.pop("state") == "finished"
    assert lines.pop("test images") == "50.00"
    assert set(lines.values()) == {columns.MISSING}


def test_unknown_score_raises_an_error(known, monkeypatch):
    monkeypatch.setattr(
        score_table, "_multiply_adds", lambda item: item.test and item.test.values.multiply_ads
    )
    with pytest.raises(AttributeError, match="multiply_ads"):
        score_table.table(known[0])


def test_median_of_few_training_steps_is_marked_as_rough(known):
    items, result = known
    for counted in (4, 20):
        training = TrainingSpeed(
            data="cifar10", batch=128, images_per_s=31.0, memory_bytes=2 * 10**9, others=0.0, counted=counted
        )
        values = Speed(
            images_per_s=226.0,
            batch=128,
            batches=7,
            memory_bytes=10**9,
            base_bytes=5 * 10**8,
            others=0.0,
            threads=1,
            training=training,
        )
        changes = {"probe": "speed", "settings": {"device": "cpu"}, "values": values}
        speed = result.model_copy(update=changes)
        timing = dataclasses.replace(items[0].timing, result=speed)
        notes = " ".join(score_table._notes([dataclasses.replace(items[0], timing=timing)]))
        assert ("rough" in notes) == (counted == 4)
        assert re.search(rf"\b7 batches.*\b{counted} training steps", score_table._base(speed))


def test_titles_are_escaped(known):
    items, _ = known
    text = score_table.as_html(items, score_table.table(items))
    assert "<b>" not in text
    assert "&lt;b&gt;tiny" in text
    assert "<b>" not in items[0].shown.name


def test_table_is_written_as_csv(known):
    items, result = known
    rows = list(csv.reader(io.StringIO(score_table.as_csv(items, score_table.table(items)))))
    assert rows[0][3:] == [item.run.id for item in items]
    (test,) = [row for row in rows if row[1] == "test images"]
    assert test[3:] == [f"{100 * result.values.accuracy:.2f}, n = 1,000", ""]


def test_runs_on_other_images_are_named(known, colors, tmp_path):
    items, _ = known
    other = make_run(tmp_path / "runs", "pets", model="resnet", **TINY_RESNET)
    text = (other.path / "config.yaml").read_text().replace("cifar10-mini", f"folder:{colors}")
    (other.path / "config.yaml").write_text(text)
    every = measured.look_up([*(item.run for item in items), find_run(other.path)], 1000)
    fits, messages = measured.alike(every)
    assert [item.run.id for item in fits] == [items[0].run.id]
    assert "empty" in messages
    assert "pets" in messages


def test_error_over_few_seeds_is_marked_as_rough():
    for seeds, rough in (([0, 1], True), ([0, 1, 2, 3], False)):
        rows = [{"n_test": 10_000, "seeds": seeds, "error_of": "seeds"}]
        assert ("rough" in results._accuracy(rows)) == rough


def test_sweep_opens_when_the_address_was_lost():
    page = AppTest.from_file(str(ROOT / "pages" / "compare.py"), default_timeout=60)
    page.session_state.open_sweep = "samples-cifar10"  # the button on Training sets it with the address
    page.run()
    assert not page.exception
    assert not page.warning
    assert page.session_state.view == "Sweeps"
    assert page.selectbox[0].value == "samples-cifar10"
    assert "open_sweep" not in page.session_state  # once: the visitor may go back to the runs


@pytest.mark.parametrize("known", [True, False])
def test_sweep_with_a_setting_of_another_version_is_shown_and_the_setting_named(known):
    for varied in ({"patch_size": 8} if known else {}, {"future_option": 3}):
        link = SweepLink(name="study-x", kind="study", varied=varied)
        if varied:
            create_run(make_config("quick"), status=Status(state="stopped"), sweep=link)
    app = open_app("compare", view="Sweeps", sweep="study-x")
    assert any("future" in info.value for info in app.info)
    assert len(app.dataframe) == known


def test_compare_opens_with_the_bundled_pair_only():
    own = make_run(runs_dir(), "own", model="resnet", **TINY_RESNET)
    (own.path / "events.out.tfevents.1").touch()
    assert [run.id for run in default_runs()] == ["vit-cifar10-gpu", "resnet-cifar10-gpu"]


def test_notes_and_parameters_of_runs_without_weights_are_those_that_were_stored():
    items = [Item(find_run(name), name, "", "") for name in ("vit-quick", "cct-quick", "vit-cifar10-gpu")]
    notes = score_table._notes(items)
    assert notes[0] == f"vit-quick, cct-quick: {find_run('vit-quick').meta.note}"
    assert not any("vit-cifar10-gpu" in note for note in notes)
    (line,) = (one for one in score_table.table(items)["Size"] if one.name == "parameters")
    assert line.cells == ["3,195,146", "3,326,923", "3,195,146"]  # docs/measurements.md
