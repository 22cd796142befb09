"""One impossible step, time, value or number of images of a run does not shrink what the others show."""

from __future__ import annotations

import pytest
from torch.utils.tensorboard import SummaryWriter

from dashboard.compare import time_to_accuracy
from dashboard.shared.curve_figures import figure
from dashboard.shared.run_curves import CurveStyle, collect
from dashboard.sweeps import figures as sweep_figures
from tests.apptests import open_app
from vitcore.config import make_config
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run
from vitcore.runs.status import Status
from vitcore.sweeps.results import sample_curve
from vitcore.sweeps.sweep import find_sweep

ACCURACIES = [0.1, 0.2, 0.3, 0.4, 0.5]
SECONDS = [1000.0, 1010.0, 1020.0, 1030.0, 1040.0]


def trained(title, steps, values=tuple(ACCURACIES), times=tuple(SECONDS), tag="val_acc") -> Run:
    """Write a finished run with one curve."""
    run = create_run(make_config(batch_size=128), title=title, status=Status(state="finished", created=1e9))
    with SummaryWriter(str(run.path)) as writer:
        for step, value, time in zip(steps, values, times, strict=True):
            writer.add_scalar(tag, value, step, walltime=time)
    return run


def bars(runs, axis):
    """Return the ends of the bars and the note below the figure."""
    made, _ = time_to_accuracy.figure(runs, runs[0].id, axis)
    ended, reached = made.data
    return dict(zip(ended.y, ended.x, strict=True)), dict(zip(ended.y, reached.x, strict=True)), made


USUAL = [0, 10, 20, 30, 40]


@pytest.mark.parametrize(
    ("axis", "steps", "times", "end"),
    [
        ("step", [0, 10, 20, 30, 2**62], SECONDS, 30),
        ("images", [0, 10, 20, 30, 10**12], SECONDS, 30 * 128),
        ("wall clock", USUAL, [*SECONDS[:4], float("nan")], 0.5),
    ],
)
def test_bar_ends_at_the_last_point_that_the_curves_show(axis, steps, times, end):
    usual, far = trained("usual", USUAL), trained("far", steps, times=times)
    ends, reached, made = bars([usual, far], axis)
    assert ends["far"] == pytest.approx(end)
    assert made.layout.xaxis.range[1] < 2 * max(ends.values())
    assert reached["far"] is None  # its best is beyond the chart
    assert "beyond" in made.layout.xaxis.title.text
    assert not any(
        abs(x) > 1e6 for item in collect([usual, far], ["val_acc"], CurveStyle(axis)).items for x in item["x"]
    )


def test_bar_of_a_run_that_is_far_longer_than_all_others_is_left_out():
    runs = [trained(str(i), USUAL) for i in range(3)]
    far = trained("far", [step * 10**9 for step in range(1, 6)])
    ends, _, made = bars([*runs, far], "step")
    assert ends == {"0": 40, "1": 40, "2": 40}
    assert "beyond" in made.layout.xaxis.title.text


def test_bars_of_usual_runs_have_no_note():
    ends, reached, made = bars([trained("a", USUAL), trained("b", [0, 100, 200, 300, 400])], "step")
    assert ends == {"a": 40, "b": 400}
    assert reached == {"a": 40, "b": 400}
    assert "beyond" not in made.layout.xaxis.title.text


def test_page_names_the_run_and_has_a_table_of_steps_that_do_not_fit_64_bits():
    far = trained("far", [0, 10, 20, 30, 2**62])
    app = open_app("compare", runs=far.id, show="Speed to accuracy", x="images")
    assert not app.exception
    assert [note.value for note in app.caption if "Not drawn" in note.value and "far" in note.value]
    (table,) = (one.value for one in app.dataframe if "images seen" in one.value)
    assert table["images seen"].isna().all()


def test_accuracy_that_is_no_fraction_is_neither_the_best_nor_a_target():
    values = [0.1, float("inf"), 0.3, 1e30, 0.2]
    run = trained("odd", USUAL, values)
    courses = time_to_accuracy._courses([run], run)
    assert courses[run.id].best.step == 20
    assert courses[run.id].reached.step == 20


@pytest.mark.parametrize(("log", "left_out"), [(False, 1), (True, 0)])
def test_value_far_beyond_all_others_is_left_out_unless_the_axis_is_logarithmic(log, left_out):
    run = trained("diverged", USUAL, [2.0, 1.0, 3.0, 1e7, 1.5], tag="val_loss")
    drawing = collect([run], ["train_loss", "val_loss"], CurveStyle("step", log=log))
    assert sum(drawing.large.values()) == left_out
    assert len(drawing.items[0]["x"]) == 5 - left_out
    assert len(drawing.notes("step")) == left_out
    made = figure([run], CurveStyle("step", log=log))
    assert ("beyond" in made.layout.xaxis2.title.text) == bool(left_out)


def test_value_that_squeezes_a_logarithmic_axis_is_left_out():
    run = trained("odd", USUAL, [1e-3, 1e-3, 1e-4, 1e-5, 1e30], tag="lr")
    assert sum(collect([run], ["lr"], CurveStyle("step")).large.values()) == 1


def test_values_that_are_not_finite_are_counted():
    odd = [1.0, float("nan"), float("inf"), -float("inf"), 0.5]
    usual, gaps = trained("usual", USUAL, tag="val_loss"), trained("gaps", USUAL, odd, tag="val_loss")
    drawing = collect([usual, gaps], ["val_loss"], CurveStyle("step"))
    assert drawing.gaps == {"gaps": 3}
    (note,) = drawing.notes("step")
    assert "not a finite number: gaps, 3 points" in note


def test_gap_of_a_curve_remains_a_gap():
    run = trained("gap", USUAL, [2.0, 1.0, float("nan"), 1e7, 1.5], tag="val_loss")
    (item,) = collect([run], ["train_loss", "val_loss"], CurveStyle("step")).items
    assert item["y"] == [2.0, 1.0, None, 1.5]


def bundled_points():
    return sample_curve(find_sweep("samples-cifar10").runs)


def x_of(made) -> list[float]:
    return [x for trace in made.data for x in trace.x]


def test_impossible_number_of_images_does_not_squeeze_the_sample_efficiency():
    rows = bundled_points()
    usual = sweep_figures.sample_efficiency(rows).plot
    rows[0] = {**rows[0], "images": 10**18}
    made = sweep_figures.sample_efficiency(rows).plot
    assert max(x_of(usual)) > 1000  # numbers of images
    assert max(x_of(made)) <= 100  # shares in percent
    low, high = made.layout.xaxis.range
    assert high - low < 3  # decades


def test_share_far_below_all_others_is_left_out():
    rows = bundled_points()
    rows[0] = {**rows[0], "share": 1e-300, "images": None}
    made = sweep_figures.sample_efficiency(rows).plot
    low, high = made.layout.xaxis.range
    assert high - low < 3
    assert sweep_figures.drawn_shares(rows)[1] == [rows[0]]
