"""The CSV rows of every family of figures hold the numbers of the arrays that the figures get."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from dashboard.compare import figures as compare_figures
from dashboard.compare import measured
from dashboard.compare.confusion_figures import confusions
from dashboard.compare.figures import Shown
from dashboard.compare.time_figures import Path, reach
from dashboard.drawing import figures
from dashboard.inductive_bias import bar_figures, matrix_figures
from dashboard.inductive_bias import figures as bias_figures
from dashboard.inductive_bias.field_maps import fields
from dashboard.inductive_bias.lines import Line
from vitcore.probes import View
from vitcore.probes.estimates import Estimate, Series, Table
from vitcore.probes.score_values import TestScores
from vitcore.probes.shapes import Changes, Curves, LayersAndHeads, LayerSeries, Maps, Matrix, Panel
from vitcore.runs.folder import find_run

CLASSES = tuple("abcdefghij")
KINDS = ("consistency", "accuracy")
DEPTH = "depth, from the first layer (0) to the last (1)"


def random(*shape):
    return np.random.default_rng(math.prod(shape)).random(shape)


def series(mean, error):
    return Series(mean=list(mean), error=list(error))


def values_of(figure, count):
    """The numbers of a figure's rows by their `count` leading labels. Each label may occur once."""
    found = {tuple(row[:count]): row[count:] for row in figure.rows[1:]}
    assert len(found) == len(figure.rows) - 1
    return found


# --- one image ---------------------------------------------------------------------------------


def test_rows_of_the_logit_lens_are_the_probabilities_of_the_drawn_classes():
    values = random(7, 10)
    figure = figures.logit_lens(values, CLASSES, truth=3, top=4)
    assert figure.rows[0] == ["series", "layer", "class", "probability, %"]
    cells = {tuple(row[1:3]): row[3] for row in figure.rows[1:]}
    drawn = sorted(CLASSES, key=lambda name: -(values.max(axis=0) + values[-1])[CLASSES.index(name)])[:4]
    layers = ["input", "1", "2", "3", "4", "5", "6"]
    expected = {
        (layer, name): 100 * values[i, CLASSES.index(name)]
        for i, layer in enumerate(layers)
        for name in drawn
    }
    assert cells == pytest.approx(expected)


@pytest.mark.parametrize(
    ("largest", "end", "written"), [(0.9, 100, ".0f"), (0.041, 5, ".1f"), (0.0012, 0.2, ".2f")]
)
def test_scale_and_digits_of_the_logit_lens_fit_its_largest_probability(largest, end, written):
    values = np.full((7, 1000), largest / 10)
    values[-1, 7] = largest
    plot = figures.logit_lens(values, tuple(map(str, range(1000))), truth=None).plot
    heat = plot.data[0]
    assert (heat.zmin, heat.zmax) == (0, pytest.approx(end))
    assert heat.texttemplate == f"%{{z:{written}}}"
    assert (f"{end} %" in plot.layout.xaxis.title.text) == (end < 100)


def test_rows_of_a_prediction_name_the_most_likely_classes_without_markup():
    values = random(10).astype(np.float32)
    figure = figures.probabilities(values, CLASSES, truth=int(values.argmax()), color="#000000", top=3)
    assert figure.rows[0] == ["series", "probability", "class"]
    best = sorted(values.tolist())[-3:]
    assert [row[1] for row in figure.rows[1:]] == pytest.approx(best)
    assert [row[2] for row in figure.rows[1:]] == [CLASSES[values.tolist().index(v)] for v in best]


def test_names_of_classes_are_escaped_in_the_drawings_only():
    names = ["<b>", "R&D", "dog"]
    escaped = ["&lt;b&gt;", "R&amp;D", "dog"]
    one = figures.probabilities(np.array([0.1, 0.2, 0.7]), tuple(names), truth=0, color="#000000")
    assert list(one.plot.data[0].y) == ["<b>&lt;b&gt;</b> (true)", *escaped[1:]]
    assert [row[2] for row in one.rows[1:]] == names
    run = shown("one", 0)
    run = replace(run, scores=run.scores.model_copy(update={"classes": names}))
    table = confusions([run])
    assert all(list(trace.x) == list(trace.y) == escaped for trace in table.plot.data)
    assert {row[2] for row in table.rows[1:]} == set(names)
    dots = compare_figures.classes([run])
    assert sorted(dots.plot.layout.yaxis.ticktext) == sorted(escaped)
    assert {row[2] for row in dots.rows[1:]} == set(names)


# --- Compare -----------------------------------------------------------------------------------


def shown(name, seed):
    draw = np.random.default_rng(seed)
    confusion = draw.integers(0, 9, (3, 3)) + 30 * np.eye(3, dtype=int)
    count = np.array([0, 4, 20])
    return Shown(
        name,
        "#0072B2",
        "solid",
        TestScores.model_validate(
            {
                "accuracy": 0.9,
                "loss": 0.3,
                "parameters": 1,
                "multiply_adds": 1,
                "training": None,
                "truth": [],
                "predicted": [],
                "confidence": [],
                "truth_probability": [],
                "classes": ["ant", "bee", "cow"],
                "confusion": confusion.tolist(),
                "class_accuracy": {
                    "mean": draw.random(3).tolist(),
                    "error": draw.random(3).tolist(),
                    "count": [50, 60, 70],
                },
                "calibration": {
                    "bins": 3,
                    "ece": 0.05,
                    "count": count.tolist(),
                    "accuracy": draw.random(3).tolist(),
                    "confidence": draw.random(3).tolist(),
                },
            }
        ),
    )


@pytest.fixture
def runs():
    return [shown("Ann&#x27;s &amp; mine", 0), shown("other", 1)]


def test_rows_of_confusion_matrices_are_all_counts_and_their_differences(runs):
    figure = confusions(runs)
    assert figure.rows[0] == ["panel", "series", "prediction", "true class", "images"]
    first, second = (np.array(run.scores.confusion) for run in runs)
    names = ["ant", "bee", "cow"]
    expected = {
        (panel, panel, names[answer], names[truth]): [counts[truth, answer]]
        for panel, counts in (
            ("Ann's & mine", first),
            ("other", second),
            ("Ann's & mine minus other", first - second),
        )
        for truth in range(3)
        for answer in range(3)
    }
    assert values_of(figure, 4) == expected


def test_rows_of_class_accuracies_are_percentages_with_errors(runs):
    figure = compare_figures.classes(runs)
    assert figure.rows[0] == ["series", "accuracy, %", "class", "standard error"]
    found = {(row[0], row[2]): (row[1], row[3]) for row in figure.rows[1:]}
    assert len(found) == len(figure.rows) - 1 == 6
    for name, run in zip(("Ann's & mine", "other"), runs, strict=True):
        accuracy = run.scores.class_accuracy
        for label, mean, error in zip(run.scores.classes, accuracy.mean, accuracy.error, strict=True):
            assert found[name, label] == pytest.approx((100 * mean, 100 * error))


def test_rows_of_calibration_hold_filled_bins_and_the_counts_of_all(runs):
    figure = compare_figures.calibration(runs)
    assert figure.rows[0] == ["series", "confidence, %", "accuracy, % (or count)", "standard error"]
    for name, run in zip(("Ann's & mine", "other"), runs, strict=True):
        bins = run.scores.calibration
        curve = [row[1:] for row in figure.rows if row[0] == f"{name}, ECE 5.0 %"]
        for row, i in zip(curve, (1, 2), strict=True):  # bin 0 is empty
            p, n = bins.accuracy[i], bins.count[i]
            assert row == pytest.approx([100 * bins.confidence[i], 100 * p, 100 * math.sqrt(p * (1 - p) / n)])
        counts = [row[1:] for row in figure.rows if row[0] == f"{name}, number of predictions"]
        assert counts == [
            [pytest.approx(100 / 6), 0, None],
            [50, 4, None],
            [pytest.approx(500 / 6), 20, None],
        ]


def test_run_that_did_not_reach_the_target_has_an_empty_cell():
    paths = [Path("A &amp; B", "#0072B2", 12.0, 20.0, ""), Path("C", "#0072B2", None, 30.0, "")]
    figure = reach(paths, "epoch")
    assert figure.rows == [
        ["series", "epoch", "run"],
        ["trained until", 20, "A & B"],
        ["trained until", 30, "C"],
        ["reached at", 12, "A & B"],
        ["reached at", None, "C"],
    ]


# --- Inductive bias ----------------------------------------------------------------------------


def line(label, values, dash="solid", other=""):
    return Line(label, "#0072B2", dash, values, other)


def test_rows_of_curves_are_percentages_by_panel_and_model():
    mean, error = random(2, 2, 3), random(2, 2, 3)  # model, panel, x
    panels = [Panel("consistency, {border}", "It stays"), Panel("accuracy, {border}", "It is right")]
    shapes = [
        Curves(
            "shift in pixels",
            [0, 2, 4],
            {f"{kind}, zero": series(mean[m, p], error[m, p]) for p, kind in enumerate(KINDS)},
            panels,
        )
        for m in range(2)
    ]
    lines = [line(label, shape) for label, shape in zip(("ViT", "ResNet"), shapes, strict=True)]
    figure = bias_figures.curves(lines, 0.1, View("zero"))
    assert figure.rows[0] == ["panel", "series", "shift in pixels", "%", "standard error"]
    expected = {
        (title, label, x): pytest.approx([100 * mean[m, p, i], 100 * error[m, p, i]])
        for p, title in enumerate(("It stays", "It is right"))
        for m, label in enumerate(("ViT", "ResNet"))
        for i, x in enumerate((0, 2, 4))
    }
    assert values_of(figure, 3) == expected


def test_rows_of_curves_of_one_quantity_name_it():
    curves = {"accuracy, random": series([0.5], [0.1]), "accuracy, sorted": series([0.25], [0.2])}
    panels = [Panel("accuracy, random", "At random"), Panel("accuracy, sorted", "Sorted")]
    figure = bias_figures.curves([line("ViT", Curves("hidden cells", [4], curves, panels))], None)
    assert figure.rows == [
        ["panel", "series", "hidden cells", "accuracy, %", "standard error"],
        ["At random", "ViT", 4, 50, 10],
        ["Sorted", "ViT", 4, 25, 20],
    ]


def test_rows_of_layers_have_relative_depths():
    mean, error = random(3), random(3)
    shape = LayerSeries("fall", ["a", "b", "c"], series(mean, error), axis="log amplitude")
    figure = bias_figures.depth([line("ViT", shape)])
    assert figure.rows[0] == ["series", DEPTH, "log amplitude", "standard error"]
    assert values_of(figure, 2) == {
        ("ViT", depth): pytest.approx([mean[i], error[i]]) for i, depth in enumerate((0, 0.5, 1))
    }


def test_rows_of_distances_hold_layers_and_heads():
    mean, error, heads, spread = random(3), random(3), random(2, 4), random(2, 4)
    shape = LayersAndHeads(
        "distance",
        ["patches", "1", "2"],
        series(mean, error),
        axis="pixels",
        heads={"distance": Table(mean=heads.tolist(), error=spread.tolist())},
        points="one head",
        references={"uniform": 16.0},
    )
    figure = bias_figures.distances([line("ViT", shape)])
    assert figure.rows[0] == ["series", DEPTH, "pixels", "standard error"]
    layers = [row[1:] for row in figure.rows[1:] if row[0] == "ViT"]
    points = [row[1:] for row in figure.rows[1:] if row[0] == "ViT: one head"]
    assert len(layers) + len(points) == len(figure.rows) - 1  # the reference line is not measured
    assert np.array(layers) == pytest.approx(np.stack([[0, 0.5, 1], mean, error], axis=1))
    assert np.array(points) == pytest.approx(
        np.stack([np.repeat([0.5, 1], 4), heads.ravel(), spread.ravel()], axis=1)
    )


def test_rows_of_a_similarity_name_both_layers():
    mean, error = random(3, 3), random(3, 3) / 10
    table_of_both = Table(mean=mean.tolist(), error=error.tolist())
    shape = Matrix("likeness", (["a", "b"], ["c"]), table_of_both, label="CKA")
    figure = matrix_figures.likeness(line("ViT", shape, other="ResNet"))
    assert figure.rows[0] == ["panel", "series", "column", "row", "CKA", "standard error"]
    found = {tuple(row[:4]): row[4:] for row in figure.rows[1:]}
    between = ("ViT down, ResNet along", "ViT and ResNet")
    expected = {("ResNet", "ResNet and ResNet", "c", "c"): (2, 2)}
    expected |= {("ViT", "ViT and ViT", c, r): ("ab".index(r), "ab".index(c)) for c in "ab" for r in "ab"}
    expected |= {(*between, "c", r): ("ab".index(r), 2) for r in "ab"}
    assert found == {key: pytest.approx([mean[cell], error[cell]]) for key, cell in expected.items()}


def test_rows_of_removed_blocks_and_heads_are_points_with_errors():
    blocks, spread, heads, each = random(2), random(2), random(2, 3), random(2, 3)
    shape = Changes(
        "accuracy",
        Estimate(mean=0.9, error=0.01),
        ["block 1", "block 3"],
        series(blocks, spread),
        Table(mean=heads.tolist(), error=each.tolist()),
    )
    figure = bar_figures.blocks([line("ViT", shape)])
    assert figure.rows[0] == ["panel", "series", "without block", "points of accuracy", "standard error"]
    assert values_of(figure, 3) == {
        ("ViT", "ViT", name): pytest.approx([100 * blocks[i], 100 * spread[i]])
        for i, name in enumerate(("1", "3"))
    }
    figure = matrix_figures.heads(line("ViT", shape), shape.without_head, top=100)
    assert figure.rows[0] == ["series", "head", "block", "points of accuracy", "standard error"]
    assert values_of(figure, 3) == {
        ("ViT", f"head {h + 1}", f"block {b + 1}"): pytest.approx([100 * heads[b, h], 100 * each[b, h]])
        for b in range(2)
        for h in range(3)
    }


def test_rows_of_receptive_fields_are_the_logarithms_of_the_maps():
    maps = random(2, 4, 4)
    maps[0, 1, 2] = 0  # clipped at the lower end of the color scale
    shape = Maps("field", ["input", "block 1"], maps.tolist(), [(0, 0, 2, 2)] * 2, "", "", "", "")
    lines = [line("ViT", shape), line("ResNet", shape)]
    figure = fields(lines, top=2.0)
    assert figure.rows[0] == ["series", "column", "row", "log10 of the change, as a share of the largest"]
    expected = {
        (f"{label}: {layer}", column + 1, row + 1): pytest.approx(
            [max(-4, math.log10(maps[i, row, column] / 2)) if maps[i, row, column] else -4]
        )
        for label in ("ViT", "ResNet")
        for i, layer in enumerate(("input", "block 1"))
        for row in range(4)
        for column in range(4)
    }
    assert values_of(figure, 3) == expected
    assert {row[0] for row in fields(lines[:1], top=2.0).rows[1:]} == {"input", "block 1"}


# --- bundled results ---------------------------------------------------------------------------


def test_right_answers_of_the_bundled_vit_are_its_test_accuracy():
    (item,) = measured.look_up([find_run("vit-cifar10")], 10_000)
    rows = confusions([item.shown]).rows[1:]
    assert sum(row[4] for row in rows) == 10_000
    assert sum(row[4] for row in rows if row[2] == row[3]) == 8256  # as `python -m vitcore evaluate` prints
