"""Findings and figures of the Inductive bias page, for known values."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from dashboard.inductive_bias import experiments, field_maps, figures
from dashboard.inductive_bias.findings import finding
from dashboard.inductive_bias.lines import Context, Line
from dashboard.inductive_bias.shape_figures import draw
from dashboard.shared.measurements import Measurement
from tests.made_runs import own_copy
from vitcore.paths import runs_dir
from vitcore.probes import PROBES, View
from vitcore.probes.estimates import Series
from vitcore.probes.experiments.ablation import AblationValues
from vitcore.probes.experiments.cka import SimilarityValues
from vitcore.probes.experiments.distance import DistanceValues
from vitcore.probes.experiments.fourier import SpectrumValues
from vitcore.probes.experiments.receptive_field import FieldValues
from vitcore.probes.experiments.shift import ShiftValues
from vitcore.probes.measure import Partial
from vitcore.probes.shapes import Curves, Panel
from vitcore.probes.store import Subject, images_for
from vitcore.runs.folder import find_run


def curve(*mean):
    return {"mean": list(mean), "error": [0.01] * len(mean)}


def line(label, values, dash="solid", other=""):
    return Line(label, "#0072B2", dash, values, other)


def shift(*x):
    names = dict.fromkeys(ShiftValues.names, curve(1, 0.5)) | {"consistency, zero": curve(1, 0.912)}
    return ShiftValues(x=list(x), unit="shift in pixels", curves=names)


LINES = [line("ViT", shift(0, 4)), line("untrained ViT", shift(0, 4), "dot")]


def test_findings_state_the_values_of_trained_models():
    text = finding("shift", LINES, "zero")
    assert "91 ± 1 %" in text
    assert re.search(r"\b4 pixels", text)
    assert "ViT" in text
    assert "untrained" not in text
    assert finding("shift", [line("ViT", shift(0, 3))], "zero") == ""
    assert finding("shift", LINES[1:], "zero") == ""
    base = {"mean": 0.9, "error": 0.01}
    blocks = AblationValues(base=base, layers=["block 1", "block 3"], blocks=curve(-0.02, -0.5))
    text = finding("ablation", [line("ResNet", blocks)])
    assert re.search(r"\bResNet\b.*\bblock 3\b.*-50 ± 1\b", text)
    assert "block 1" not in text
    likeness = {
        "mean": [[1, 0.2, 0.3], [0.2, 1, 0.61], [0.3, 0.61, 1]],
        "error": [[0, 0, 0], [0, 0, 0.04], [0] * 3],
    }
    table = SimilarityValues(layers=(["a", "b"], ["c"]), cka=likeness)
    text = finding("cka", [line("ViT", table, other="ResNet")])
    assert re.search(r"\bb of the ViT\b.*\bc of the ResNet\b.*0\.61 ± 0\.04", text)


@pytest.mark.parametrize(
    ("last", "way"), [(-2.1, "smooths"), (-1.9, "sharpens"), (-2.02, "does neither"), (-1.98, "does neither")]
)
def test_change_within_its_error_is_not_a_finding(last, way):
    """Errors of 0.01 each: twice that of the difference is 0.028."""
    names = ["patches", "block 1", "block 2", "block 3"]
    values = SpectrumValues(layers=names, sides=[8] * 4, fall=curve(-1, -2, -5, last), profiles=[])
    text = finding("fourier", [line("ViT", values)])
    assert re.search(rf"\bViT {way} .*-2\.00 ± 0\.01 after block 1\b.*{last:.2f} ± 0\.01", text)


def test_layers_after_the_last_stride_are_compared():
    """The curve of the bundled ResNet rises at strides, and falls in its last stage."""
    names = ["input", "block 1", "block 2", "block 3"]
    values = SpectrumValues(layers=names, sides=[32, 32, 8, 8], fall=curve(-6, -5, -2, -3), profiles=[])
    text = finding("fourier", [line("ResNet", values)])
    assert re.search(r"\bResNet smooths .*-2\.00 ± 0\.01 after block 2\b.*-3\.00 ± 0\.01", text)


def test_finding_states_the_attention_distance_of_the_heads():
    heads = {"mean": [[14.0, 16.0], [9.0, 9.0], [12.0, 13.0]], "error": [[0.1, 0.3]] * 3}
    values = DistanceValues(
        layers=["patches", "block 1", "block 2", "block 3"],
        reach=curve(1, 7, 8, 9),
        sides=None,
        heads=heads,
        references={"uniform": 16.53, "3x3 neighbourhood": 4.0},
    )
    cnn = DistanceValues(layers=["input", "block 1"], reach=curve(1, 2), sides=[3, 7])
    text = finding("distance", [line("ViT", values), line("ResNet", cnn)])
    assert re.findall(r"\d+\.\d+(?: ± \d\.\d+)?", text) == [
        *("7.00 ± 0.01", "9.00 ± 0.01", "2.00 ± 0.01", "2.00 ± 0.01"),  # the reach of both models first
        *("15.00 ± 0.20", "12.50 ± 0.20", "16.5"),
    ]
    drawn = figures.distances([line("ViT", values.shapes()[0]), line("ResNet", cnn.shapes()[0])]).plot
    names = [trace.name for trace in drawn.data if trace.name]
    assert [name.split(":")[0] for name in names] == ["ViT", "ResNet", "ViT"]
    assert len(set(names)) == 3


def test_lines_of_frequencies_end_where_the_size_of_the_maps_changes():
    names = ["input", "block 1", "block 2", "block 3"]
    values = SpectrumValues(layers=names, sides=[32, 32, 16, 16], fall=curve(-6, -5, -2, -3), profiles=[])
    drawn = figures.depth([line("ResNet", values.shapes()[0])]).plot
    pieces = [trace for trace in drawn.data if trace.name]
    assert [list(trace.y) for trace in pieces] == [[-6, -5], [-2, -3]]
    assert [trace.showlegend for trace in pieces] == [True, False]


def test_finding_states_the_receptive_field_with_its_error():
    reach, layers = curve(1.5, 7.012, 9.869), ["patches", "block 1", "block 2"]
    distance = DistanceValues(layers=layers, reach=reach, sides=None)
    fields = FieldValues(layers=layers, pixel=[0, 0], fields=[], bounds=None, reach=reach)
    for probe, values in (("distance", distance), ("receptive-field", fields)):
        text = finding(probe, [line("ViT", values)])
        assert re.search(r"\bViT\b.*\b7\.01 ± 0\.01 pixels.*\b9\.87 ± 0\.01\b", text)


def test_curve_is_drawn_with_standard_error_and_chance():
    accuracy = {"accuracy": Series(**curve(0.9, 0.5))}
    shape = Curves("shift in pixels", [0, 4], accuracy, [Panel("accuracy", "Right")])
    figure = figures.curves([line("ViT", shape)], 0.1).plot
    band, mean = figure.data
    assert list(mean.y) == [90, 50]
    assert list(band.y) == pytest.approx([91, 51, 49, 89])
    assert [shape.y0 for shape in figure.layout.shapes] == [10]
    assert mean.showlegend


def maps(layers, fields, bounds):
    reach = curve(*range(len(layers)))
    return FieldValues(layers=layers, pixel=[0, 0], fields=fields, bounds=bounds, reach=reach).shapes()[0]


def test_receptive_fields_share_a_scale_and_have_frames_within_the_image():
    fields = np.zeros((2, 4, 4))
    fields[0, 1, 1], fields[1] = 1.0, 1e-6
    resnet = line("ResNet", maps(["input", "block 1"], fields.tolist(), [(0, 0, 2, 2), (-3, -3, 5, 5)]))
    figure = field_maps.fields([resnet, replace(resnet, label="other")], top=1.0).plot
    first, second, *_, bar = figure.data
    assert first.z[1][1] == 0
    assert np.min(first.z) == np.max(second.z) == -4
    assert bar.z[0][0] == -4
    assert bar.z[0][-1] == 0
    pixel = first.dx
    left, right = [(s.x0, s.x1) for s in figure.layout.shapes[:2]]
    assert left == pytest.approx((0, 3 * pixel))
    assert right == pytest.approx((second.x0 - pixel / 2, second.x0 + 3.5 * pixel))
    assert second.x0 - pixel / 2 > 4 * pixel  # to the right of the first
    under, lower = figure.data[2], 4 * pixel  # the next row is below, with text between
    assert under.y0 > first.y0 + lower
    assert bar.y0 > under.y0 + 3.5 * pixel


def test_color_bar_of_receptive_fields_has_numbers():
    shape = maps(["input"], [[[0.25, 0.0], [0.0, 0.75]]], None)
    figure = field_maps.fields([line("ResNet", shape)], top=0.75).plot
    x_of = {note.text: note.x for note in figure.layout.annotations}
    assert x_of["\u2264 0.0075 %"] < x_of["0.75 %"] < x_of["75 %"]
    assert figure.data[0].customdata.tolist() == [[25, 0], [0, 75]]


def test_labels_of_reference_lines_are_outside_the_plot_and_do_not_overlap():
    for far, anchors in ((4.0, {"middle"}), (15.5, {"bottom", "top"})):
        references = {"uniform": 16.5, "3\u00d73 neighborhood": far}
        heads = {"mean": [[16.5, far]], "error": [[0.1, 0.1]]}
        values = DistanceValues(
            layers=["patches", "block 1"], reach=curve(1, 9), sides=None, heads=heads, references=references
        )
        figure = figures.distances([line("ViT", values.shapes()[0])]).plot
        names = [note for note in figure.layout.annotations if "attention" in note.text]
        assert {note.y for note in names} == set(references.values())
        assert all((note.xref, note.x, note.xanchor) == ("paper", 1, "left") for note in names)
        assert {note.yanchor for note in names} == anchors


def measured(probe, runs, step):
    """Return a running measurement."""
    return Measurement(PROBES[probe], [Subject(run) for run in runs], probe, probe, 100, {}, None, step)


def test_running_measurements_state_their_number_of_images():
    names = ("vit-cifar10", "resnet-cifar10")
    base = {"mean": 0.9, "error": 0.03}
    values = AblationValues(base=base, layers=["block 1"], blocks=curve(-0.1))
    runs = [find_run(name) for name in names]
    known = [
        measured("ablation", [run], Partial(done, 100, values))
        for run, done in zip(runs, (100, 10), strict=True)
    ]
    head = experiments.figures_of(PROBES["ablation"], known, runs, "reflect")[0].head
    assert re.findall(r"90\.0 ± 3\.0 % \((\w+), n = (\d+)\)", head) == [("ViT", "100"), ("ResNet", "10")]
    known[1] = replace(known[1], step=Partial(100, 100, values))
    head = experiments.figures_of(PROBES["ablation"], known, runs, "reflect")[0].head
    assert re.findall(r"90\.0 ± 3\.0 % \((\w+)\)", head) == ["ViT", "ResNet"]
    assert re.findall(r"n = (\d+)", head) == ["100"]


def test_two_runs_of_one_architecture_are_labeled_by_their_titles():
    runs = [find_run("vit-cifar10"), find_run("samples-vit-25-seed0")]
    pair = measured("cka", runs, Partial(4, 4, {}))
    both = experiments.lines_of([pair], runs)[0]
    assert (both.label, both.other) == (runs[0].title, runs[1].title)
    assert len({both.label, both.other}) == 2


@pytest.mark.parametrize(
    ("run", "against", "names"),
    [
        ("vit-cifar10-gpu", "resnet-cifar10-gpu", ["ViT", "ResNet"]),
        ("vit-conv-stem-cifar10", "resnet-cifar10-gpu", ["ViT (conv stem)", "ResNet"]),
        ("vit-sam-quick", "cct-cifar10", ["ViT (SAM radius 0.1)", "CCT"]),
        ("mae-small", "resnet-cifar10-gpu", ["ViT small, pretrained without labels", "ResNet, 85 epochs"]),
    ],
)
def test_legend_names_what_makes_a_model_a_variant(run, against, names):
    runs = [find_run(run), find_run(against)]
    known = [measured("distance", [one], Partial(4, 4, shift(0, 4))) for one in runs]
    assert [one.label for one in experiments.lines_of(known, runs)] == names


def test_runs_with_the_same_random_weights_share_their_untrained_model():
    runs = [find_run("vit-quick"), find_run("vit-sam-quick")]
    probe = PROBES["landscape"]
    found = experiments.look_up(probe, runs, images_for(runs, 100), {"plane": "first"}, untrained=True)
    assert [one.subjects[0].untrained for one in found] == [False, False, True]
    assert all(one.result for one in found)
    runs = [find_run("vit-conv-stem-cifar10"), find_run("vit-cifar10")]  # other shapes, so other weights
    found = experiments.look_up(PROBES["shift"], runs, images_for(runs, 500), {}, untrained=True)
    assert [one.subjects[0].untrained for one in found] == [False, False, True, True]


def test_baseline_of_models_that_cannot_be_measured_is_not_offered():
    """Their weights are not bundled, and only the first plane is stored."""
    runs = [find_run("vit-quick"), find_run("vit-sam-quick")]
    probe = PROBES["landscape"]
    found = experiments.look_up(probe, runs, images_for(runs, 100), {"plane": "second"}, untrained=True)
    assert [(one.subjects[0].untrained, one.can_be_measured, one.result) for one in found] == [
        (False, False, None)
    ] * 2


def test_names_and_colors_do_not_depend_on_what_is_measured():
    runs = [find_run("vit-cifar10"), own_copy("vit-cifar10", runs_dir())]
    both = [measured("shift", [run], Partial(4, 4, shift(0, 4))) for run in runs]
    lines = experiments.lines_of(both, runs)
    assert experiments.lines_of(both[1:], runs) == lines[1:]
    assert len({line.color for line in lines}) == 2
    images = images_for(runs, 100)
    names = [
        measurement.name
        for measurement in experiments.look_up(PROBES["shift"], runs, images, {}, untrained=True)
    ]
    assert names[:2] == [line.label for line in lines]
    assert names[2:] == ["untrained ViT"]  # both began with the same random weights
    assert len(set(names)) == 3


def test_blocks_that_cannot_be_skipped_are_named():
    base = {"mean": 0.9, "error": 0.01}
    names = [f"block {i}" for i in (1, 2, 3, 5, 6, 8, 9)]
    values = AblationValues(base=base, layers=names, blocks=curve(*[-0.1] * 7))
    (drawn,) = draw([line("ResNet", values)], Context("Which?", View()))
    assert re.findall(r"\d+", drawn.foot) == ["4", "7"]
    assert "ResNet" in drawn.foot
    complete = AblationValues(base=base, layers=names[:3], blocks=curve(*[-0.1] * 3))
    assert draw([line("ViT", complete)], Context("Which?", View()))[0].foot == ""


@pytest.mark.parametrize(("consistency", "explained"), [(0.99, True), (0.9, False)])
def test_caption_explains_an_untrained_model_that_never_changes_its_prediction(consistency, explained):
    curves = {
        name: curve(1, consistency if name.startswith("consistency") else 0.1) for name in ShiftValues.names
    }
    values = ShiftValues(x=[0, 4], unit="shift in pixels", curves=curves)
    lines = [line("ResNet", values), line("untrained ResNet", values, "dot")]
    (drawn,) = draw(lines, Context("Does it stay?", View("zero"), 0.1))
    assert ("Untrained ResNet" in drawn.foot) == explained
    assert draw(lines[:1], Context("Does it stay?", View("zero"), 0.1))[0].foot == ""


def test_long_title_of_an_axis_has_several_lines():
    values = SpectrumValues(layers=["input", "block 1"], sides=[8, 8], fall=curve(-1, -2), profiles=[])
    (drawn,) = draw([line("ViT", values)], Context("Does a layer smooth?", View("zero")))
    title = drawn.figure.plot.layout.yaxis.title.text
    assert "<br>" in title
    assert max(len(part) for part in title.split("<br>")) <= figures.AXIS_WIDTH
    assert title.replace("<br>", " ") in drawn.figure.rows[0]
