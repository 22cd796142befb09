"""The figures of sweeps, for rows with known values."""

from __future__ import annotations

import itertools
import math

import pytest

from dashboard.sweeps.figures import LABEL_GAP, sample_efficiency, study_panels
from dashboard.sweeps.sample_curves import step_limit, sweeps
from vitcore.sweeps.results import sample_curve


def row(mean, error=0.01, **more):
    return {
        "mean": mean,
        "error": error if mean is not None else None,
        "error_of": "seeds" if mean is not None else None,
        "validation": mean,
        "n_test": 1000,
        "n_validation": 500,
        "seeds": [0, 1],
        "planned": 2,
        "state": "finished" if mean is not None else "queued",
        "minutes": 1.0,
        "parameters": 10,
        "runs": [],
        "data": "cifar10",
        "recipe": "quick",
        "chance": 0.1,
        **more,
    }


def sample(model, label, share, mean, **more):
    whole = {"steps": 3500, "batch_size": 64, "images": round(45_000 * share)}
    return row(mean, model=model, label=label, share=share, **{**whole, **more})


def setting(name, value, mean, base=False, **more):
    at = {"setting": name, "title": name.capitalize(), "value": value, "text": str(value), "base": base}
    return row(mean, model="vit", label="ViT", **at, **more)


def test_sample_figure_has_a_line_per_architecture():
    rows = [
        sample("vit", "ViT", 0.05, 0.4),
        sample("vit", "ViT", 0.1, 0.5),
        sample("vit", "ViT", 1.0, None),
        sample("resnet", "ResNet", 0.05, 0.6, error=0.02),
    ]
    figure = sample_efficiency(rows).plot
    vit, resnet = figure.data
    assert (vit.line.color, resnet.line.color) == ("#0072B2", "#D55E00")
    assert (list(vit.x), list(vit.y)) == ([2250, 4500], [40, 50])
    assert list(resnet.error_y.array) == pytest.approx([2])
    assert figure.layout.xaxis.type == "log"
    assert list(figure.layout.xaxis.tickvals) == [2250, 4500, 45000]  # also for unfinished runs
    labels = {a.text: (a.x, a.y) for a in figure.layout.annotations}
    assert labels["<b>ViT</b>"] == pytest.approx((math.log10(4500), 50))
    assert "chance 10 %" in labels
    assert [shape.y0 for shape in figure.layout.shapes] == [10]


def test_names_of_lines_are_escaped_in_the_drawing_only():
    figure = sample_efficiency([sample("vit", "ViT from a<b>c", 1.0, 0.5)])
    (line,) = figure.plot.data
    assert line.name == "ViT from a&lt;b&gt;c"
    assert "a&lt;b&gt;c" in line.hovertemplate
    assert "<b>ViT from a&lt;b&gt;c</b>" in [a.text for a in figure.plot.layout.annotations]
    assert figure.rows[1][0] == "ViT from a<b>c"


def test_line_labels_do_not_overlap():
    names = ("vit", "resnet", "mixer", "densenet")
    figure = sample_efficiency([sample(n, n, 1.0, 0.5 + 0.001 * i) for i, n in enumerate(names)]).plot
    limit = figure.layout.yaxis.range[1]
    heights = sorted(a.y for a in figure.layout.annotations if a.text.startswith("<b>"))
    assert min(b - a for a, b in itertools.pairwise(heights)) >= LABEL_GAP * limit - 1e-9


def test_lines_that_end_at_100_percent_have_complete_markers_and_all_names():
    names = ("vit", "resnet", "mixer", "densenet")
    figure = sample_efficiency([sample(n, n, 1.0, 1.0, error=0.0) for n in names]).plot
    limit = figure.layout.yaxis.range[1]
    heights = sorted(a.y for a in figure.layout.annotations if a.text.startswith("<b>"))
    assert len(heights) == len(names)
    assert 100 < limit < 110  # its last tick is 100 %
    assert heights[-1] <= limit
    assert min(b - a for a, b in itertools.pairwise(heights)) >= LABEL_GAP * limit - 1e-9


def test_axis_is_the_share_if_image_counts_are_unknown():
    figure = sample_efficiency([sample("vit", "ViT", 0.25, 0.4, images=None)]).plot
    assert list(figure.data[0].x) == [25]
    empty = sample_efficiency([sample("vit", "ViT", 0.25, None)]).plot
    assert len(empty.data) == 0
    assert list(empty.layout.xaxis.tickvals) == [11250]


def test_different_budgets_have_separate_lines():
    rows = [sample("vit", "ViT", 0.1, 0.4), sample("vit", "ViT", 0.1, 0.6, steps=7000)]
    assert {t.name for t in sample_efficiency(rows).plot.data} == {
        "ViT, cifar10, 3,500 steps",
        "ViT, cifar10, 7,000 steps",
    }


def test_study_figure_has_a_panel_per_setting_and_marks_the_base():
    rows = [
        setting("patch", 2, 0.5),
        setting("patch", 4, 0.6, base=True),
        setting("patch", 8, None),
        setting("norm", "pre", 0.6, base=True),
        setting("norm", "post", 0.3),
    ]
    figure = study_panels(rows).plot
    patch, waiting, norm, _ = figure.data
    assert (list(patch.x), list(patch.y), list(patch.marker.symbol)) == (
        ["2", "4"],
        [50, 60],
        ["circle", "diamond"],
    )
    assert (list(waiting.x), list(waiting.text)) == (["8"], ["queued"])
    assert (patch.mode, norm.mode) == ("lines+markers", "markers")
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range
    assert figure.layout.yaxis.range[0] < 29 < 61 < figure.layout.yaxis.range[1]
    assert list(figure.layout.xaxis.categoryarray) == ["2", "4", "8"]
    assert [a.text for a in figure.layout.annotations] == ["<b>Patch</b>", "<b>Norm</b>"]


def test_many_settings_are_drawn_in_several_rows():
    rows = [setting(f"s{i}", value, 0.5) for i in range(9) for value in (1, 2)]
    figure = study_panels(rows).plot
    assert len(figure.data) == 18
    assert figure.layout.height > study_panels(rows[:2]).plot.layout.height * 2


def test_rows_of_sample_efficiency_are_the_finished_points():
    points = [
        sample("vit", "ViT", 0.1, 0.5, error=0.02),
        sample("vit", "ViT", 1.0, None),
        sample("resnet", "ResNet", 0.1, 0.6, error=None),
    ]
    assert sample_efficiency(points).rows == [
        ["series", "training images", "test accuracy, %", "standard error"],
        ["ViT", 4500, 50, 2],
        ["ResNet", 4500, 60, None],
    ]


def test_rows_of_sample_efficiency_without_counts_are_shares():
    rows = sample_efficiency([sample("vit", "ViT", 0.25, 0.5, error=0.02, images=None)]).rows
    assert rows[0][1] == "share of the training images, %"
    assert rows[1] == ["ViT", 25, 50, 2]


def test_rows_of_a_study_have_states_until_all_values_have_results():
    points = [setting("patch", 2, 0.5), setting("norm", "pre", 0.25, error=0.05), setting("patch", 4, None)]
    columns = ["panel", "series", "value", "test accuracy, %", "standard error"]
    assert study_panels(points).rows == [
        [*columns, "state"],
        ["Patch", "Patch", "2", 50, 1, "finished"],
        ["Patch", "Patch", "4", None, None, "queued"],
        ["Norm", "Norm", "pre", 25, 5, "finished"],
    ]
    assert study_panels(points[:2]).rows == [
        columns,
        ["Patch", "Patch", "2", 50, 1],
        ["Norm", "Norm", "pre", 25, 5],
    ]


def test_first_point_of_the_bundled_sweep_is_the_mean_of_its_runs():
    sweep = next(sweep for sweep in sweeps() if sweep.bundled)
    rows = sample_efficiency(sample_curve(sweep.runs)).rows
    assert rows[1] == ["ViT", 2249, 47.975, 0.205]  # the runs samples-vit-05-*: 48.18 and 47.77 %


def test_sweep_whose_lines_are_flat_is_limited_by_its_steps_from_the_first_flat_share():
    """Errors are 0.01, two of a difference 0.028. 1,000 steps of 64 show 45,000 images 1.4 times each."""
    rows = [
        sample(model, model, share, mean + gain, steps=1000, n_test=10_000)
        for model, mean in (("vit", 0.5), ("resnet", 0.6))
        for share, gain in ((0.05, 0.0), (0.25, 0.05), (1.0, 0.07))
    ]
    said = step_limit(rows)
    assert said.startswith("From 25 % ")
    assert "1.4 times" in said
    rising = [*rows[:-1], {**rows[-1], "mean": 0.69}]  # 4 points more than at 25 %
    assert step_limit(rising) == ""
    few = [{**one, "n_test": 500} for one in rising]  # 2 standard errors of a difference are 6 points
    assert step_limit(few).startswith("From 25 % ")
    assert (
        step_limit([{**one, "steps": 10_000} for one in rows]) == ""
    )  # each image 14 times: it has learned them
    assert step_limit([{**one, "images": None} for one in rows]) == ""
    assert step_limit(rows[:1]) == ""


def test_hover_text_says_how_often_a_training_saw_each_image():
    figure = sample_efficiency([sample("vit", "ViT", 1.0, 0.5, steps=1000)]).plot
    assert "1.4 times" in figure.data[0].customdata[0][0]


def test_steps_limit_the_small_models_from_a_quarter_on_and_not_the_large_ones():
    said = {sweep.name: step_limit(sample_curve(sweep.runs)) for sweep in sweeps() if sweep.bundled}
    assert said["samples-small"].startswith("From 25 % ")
    assert said["samples-cifar10"] == ""


def test_fine_tuned_line_has_its_own_name_color_and_room():
    tuned = "ViT from vit-cifar10"
    scratch = [sample("vit", "ViT", share, 0.3) for share in (0.1, 1.0)]
    rows = [*scratch, *(sample("vit", tuned, share, 0.5, recipe="finetune") for share in (0.1, 1.0))]
    alone, both = sample_efficiency(scratch).plot, sample_efficiency(rows).plot
    assert {trace.name: list(trace.y) for trace in both.data} == {"ViT": [30, 30], tuned: [50, 50]}
    assert len({trace.line.color for trace in both.data}) == 2
    assert any(note.text == f"<b>{tuned}</b>" for note in both.layout.annotations)
    assert alone.layout.margin.r < both.layout.margin.r
