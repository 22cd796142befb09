"""The first view of Inductive bias: what it shows, compared with the stored results."""

from __future__ import annotations

import itertools
import json
import time

import pytest

from dashboard.inductive_bias import summary, summary_figure
from dashboard.inductive_bias.summary_figure import Point, Row
from dashboard.shared import page_runs
from dashboard.sweeps.figures import sample_efficiency
from tests.apptests import click_in_fragment, open_app
from tests.conftest import ROOT
from tests.made_runs import make_run
from vitcore.architectures import ARCHITECTURES
from vitcore.paths import runs_dir
from vitcore.probes import PROBES
from vitcore.runs.creation import create_run
from vitcore.runs.folder import find_run
from vitcore.runs.status import Status, SweepLink
from vitcore.sweeps.plan import plan_samples
from vitcore.sweeps.results import sample_curve
from vitcore.sweeps.sweep import find_sweep


def test_summary_is_the_first_view_and_opens_each_experiment(monkeypatch):
    for name in ("distance", "shift", "sample-efficiency"):
        app = open_app("inductive_bias")
        assert [heading.value for heading in app.header] == [summary.QUESTION]
        assert not any(button.key == "measure" for button in app.button)  # everything is measured
        click_in_fragment(app, monkeypatch, f"open_{name}")
        assert not app.exception
        assert app.query_params["probe"] in (name, [name])
        assert [heading.value for heading in app.header] != [summary.QUESTION]


@pytest.mark.parametrize(
    ("label", "run", "against"),
    [
        ("ViT", "vit-cifar10-gpu", "resnet-cifar10-gpu"),
        ("ResNet", "resnet-cifar10-gpu", "vit-cifar10-gpu"),
        ("CCT", "cct-cifar10", "resnet-cifar10-gpu"),
        ("ViT (SAM radius 0.1)", "vit-sam-quick", "resnet-cifar10-gpu"),
    ],
)
def test_click_on_a_point_opens_the_experiment_with_the_model_that_it_measured(label, run, against):
    found = page_runs.offered("inductive_bias")
    rows = summary.models(found)
    plot = summary.drawn(found)[0].figure.plot
    opened = [
        summary.opened_by(plot, i, rows, found)
        for i, trace in enumerate(plot.data)
        if trace.y[0] == label and (trace.name or "").endswith(", trained")
    ]
    assert opened == [
        {"probe": "distance", "run": run, "against": against},
        {"probe": "shift", "run": run, "against": against},
        {"probe": "sample-efficiency", "samples": "samples-small"},
    ]
    app = open_app("inductive_bias", **opened[0])
    assert not app.exception
    assert not app.warning
    app = open_app("inductive_bias", **opened[2])
    assert app.query_params["samples"] in ("samples-small", ["samples-small"])


def test_names_are_escaped_in_the_drawing_only():
    drawing = summary_figure.draw([Row("a<b>c", "#000000", {"shift": Point(70.0)})], "10 %")
    plot = drawing.figure.plot
    assert plot.layout.yaxis.categoryarray == tuple(plot.data[0].y) == ("a&lt;b&gt;c",)
    assert plot.data[0].name.startswith("a&lt;b&gt;c,")
    assert [row[1] for row in drawing.figure.rows[1:]] == ["a<b>c"]
    assert "a<b>c 70" in drawing.alt


def test_link_to_a_run_without_an_experiment_opens_the_first_one():
    app = open_app("inductive_bias", run="vit-cifar10")
    assert [heading.value for heading in app.header] == [next(iter(PROBES.values())).question]


@pytest.mark.parametrize(
    ("run", "label"),
    [("vit-cifar10-gpu", "ViT"), ("resnet-cifar10-gpu", "ResNet"), ("mixer-cifar10", "MLP-Mixer")],
)
def test_points_are_the_stored_results(run, label):
    drawing, missing, _ = summary.drawn(page_runs.offered("inductive_bias"))
    assert not missing
    shown = {tuple(row[:3]): row[3:] for row in drawing.figure.rows}
    stored = {}
    for path in (ROOT / "assets" / "runs" / run / "probes").glob("*.json"):
        result = json.loads(path.read_text())
        if result["probe"] in ("distance", "shift"):
            state = "untrained" if result["runs"][0].startswith("untrained ") else "trained"
            stored[result["probe"], state] = result["values"]
    for state in ("trained", "untrained"):
        reach = stored["distance", state]["reach"]
        mean, error = shown["reach of the first block", label, state]
        assert (mean, error) == (pytest.approx(reach["mean"][1]), pytest.approx(reach["error"][1]))
    values = stored["shift", "trained"]
    at = values["x"].index(4)
    mean, _ = shown["unchanged by a shift of 4 pixels", label, "trained"]
    assert mean == pytest.approx(100 * values["curves"]["consistency, reflect"]["mean"][at])
    assert ("unchanged by a shift of 4 pixels", label, "untrained") not in shown


def test_accuracy_at_a_share_is_that_of_the_bundled_sweep_with_the_most_lines():
    shown = {
        tuple(row[:2]): row[3:] for row in summary.drawn(page_runs.offered("inductive_bias"))[0].figure.rows
    }
    points = {p["label"]: p for p in sample_curve(find_sweep("samples-small").runs) if p["share"] == 0.1}
    assert len(points) == 7
    for label, point in points.items():
        expected = [pytest.approx(100 * point["mean"]), pytest.approx(100 * point["error"])]
        assert shown["accuracy with 10 % of the images", label] == expected


def test_each_architecture_has_one_plain_row_and_the_bundled_pair_is_preferred():
    found = page_runs.offered("inductive_bias")
    chosen = summary.models([find_run("vit-cifar10"), *found])
    assert len({row.label for row in chosen}) == len(chosen)
    plain = [row for row in chosen if row.label == ARCHITECTURES[row.architecture].label]
    assert len({row.architecture for row in plain}) == len(plain)
    assert {"vit-cifar10-gpu", "resnet-cifar10-gpu"} <= {row.run.id for row in plain}


@pytest.mark.parametrize(
    ("label", "run", "states"),
    [
        ("ViT (SAM radius 0.1)", "vit-sam-quick", ["trained", "untrained"]),
        ("ViT from mae-small", "mae-small", ["trained", "untrained"]),
        ("ViT (conv stem)", "vit-conv-stem-cifar10", ["trained", "untrained"]),
    ],
)
def test_variant_in_the_sweep_has_the_stored_reach_of_a_run_with_its_settings_or_start(label, run, states):
    rows = summary.drawn(page_runs.offered("inductive_bias"))[0].figure.rows
    shown = {row[2]: row[3] for row in rows if row[:2] == ["reach of the first block", label]}
    stored = {}
    for path in (find_run(run).path / "probes").glob("distance-*.json"):
        result = json.loads(path.read_text())
        state = "untrained" if result["runs"][0].startswith("untrained ") else "trained"
        stored[state] = pytest.approx(result["values"]["reach"]["mean"][1])
    assert sorted(stored) == states
    assert shown == stored
    shifted = [row for row in rows if row[:2] == ["unchanged by a shift of 4 pixels", label]]
    assert bool(shifted) == (run != "mae-small")  # a pretraining predicts no classes


def test_own_run_does_not_take_the_place_of_a_variant_in_the_sweep():
    own = make_run(runs_dir(), "own", model="vit", sam_rho=0.1, classes=find_run("vit-quick").config.classes)
    rows = {row.label: row.run.id for row in summary.models([own, *page_runs.offered("inductive_bias")])}
    assert rows["ViT (SAM radius 0.1)"] == "vit-sam-quick"


def test_rows_have_the_colors_of_the_lines_of_the_sweep():
    points = sample_curve(find_sweep("samples-small").runs)
    lines = {trace.name: trace.line.color for trace in sample_efficiency(points).plot.data if trace.name}
    rows, _ = summary.rows_of(summary.look_up(summary.models(page_runs.offered("inductive_bias"))))
    assert len(set(lines.values())) == len(lines) == 7
    assert {row.label: row.color for row in rows if row.label in lines} == lines


def test_model_whose_weights_are_gone_is_left_out():
    sizes = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 2}
    classes = find_run("vit-cifar10").config.classes
    run = make_run(runs_dir(), "cut", model="cct", classes=classes, **sizes)
    found = [run, *page_runs.offered("inductive_bias")]
    labels = {row[1] for row in summary.drawn(found)[0].figure.rows[1:]}
    assert len(summary.drawn(found)[1]) == 3  # its measurements are missing
    run.best.unlink()
    drawing, missing, _ = summary.drawn(found)
    assert [one.subjects[0].untrained for one in missing] == [True]  # needs no weights
    assert {row[1] for row in drawing.figure.rows[1:]} == labels


def test_rows_are_in_the_order_of_the_reach_that_the_architecture_has():
    near, far, unknown = (
        Row("near", "#000000", {"distance": Point(9.0)}, {"distance": Point(1.0)}),
        Row("far", "#000000", {"distance": Point(2.0)}),
        Row("unknown", "#000000", {"sample-efficiency": Point(50.0, 1.0)}),
    )
    variant = Row("variant", "#000000", model="cct")
    plain = Row("plain", "#000000", {"distance": Point(1.5)}, model="cct")
    assert [row.label for row in summary_figure.ordered([variant, unknown, far, near, plain])] == [
        "near", "plain", "variant", "far", "unknown",
    ]  # fmt: skip
    rows = summary_figure.ordered([unknown, far, near])
    assert [row.label for row in rows] == ["near", "far", "unknown"]
    drawing = summary_figure.draw(rows, "10 %")
    assert drawing.figure.plot.layout.yaxis.categoryarray == ("unknown", "far", "near")  # from below
    ends = {note.text.split()[0].lstrip("<i>"): note.y for note in drawing.figure.plot.layout.annotations}
    assert (ends["told"], ends["learns"]) == (1, 0)  # above the first and below the last row
    assert drawing.figure.rows[1:] == [
        ["reach of the first block", "near", "untrained", 1.0, None],
        ["reach of the first block", "near", "trained", 9.0, None],
        ["reach of the first block", "far", "trained", 2.0, None],
        ["accuracy with 10 % of the images", "unknown", "trained", 50.0, 1.0],
    ]


def test_variants_are_next_to_their_architecture_and_a_local_one_is_before_it():
    stem = Row("stem", "#000000", {}, {"distance": Point(9.9)}, model="vit", local=True)
    flat = Row("flat", "#000000", {}, {"distance": Point(0.1)}, model="vit")
    plain = Row("plain", "#000000", {}, {"distance": Point(6.0)}, model="vit")
    cct, mixer = (
        Row(name, "#000000", {}, {"distance": Point(reach)}, model=name)
        for name, reach in (("cct", 4.0), ("mixer", 9.0))
    )
    order = [row.label for row in summary_figure.ordered([mixer, stem, plain, flat, cct])]
    assert order == ["cct", "stem", "plain", "flat", "mixer"]


def test_rows_go_from_convolutional_networks_over_convolutions_in_front_to_the_mixer():
    rows, _ = summary.rows_of(summary.look_up(summary.models(page_runs.offered("inductive_bias"))))
    labels = [row.label for row in rows]
    told = ["ResNet", "CCT", "ViT (conv stem)", "ViT", "MLP-Mixer"]
    assert [label for label in labels if label in told] == told
    assert labels[-1] == "MLP-Mixer"
    convolutional = {"GoogleNet", "PreActResNet", "ResNet", "DenseNet"}
    assert set(labels[: len(convolutional)]) == convolutional


def test_every_empty_place_of_the_figure_says_why_and_the_page_names_the_commands():
    drawing, _, gaps = summary.drawn(page_runs.offered("inductive_bias"))
    cells = [tuple(row[:2]) for row in drawing.figure.rows[1:]]
    panels, labels = {panel for panel, _ in cells}, {label for _, label in cells}
    empty = {label for panel in panels for label in labels if (panel, label) not in cells}
    assert empty == {"GoogleNet", "PreActResNet", "DenseNet", "ViT from mae-small"}
    reasons = {trace.y[0]: trace.hovertemplate for trace in drawing.figure.plot.data if trace.mode == "text"}
    assert set(reasons) == empty
    assert sorted(gap.row.label for gap in gaps) == sorted(empty)
    assert all(gap.reason[:30] in reasons[gap.row.label] for gap in gaps)
    written = " ".join(caption.value for caption in open_app("inductive_bias").caption)
    assert all(gap.commands and all(f"`{one}`" in written for one in gap.commands) for gap in gaps)


def test_own_sweep_with_the_command_of_an_empty_place_fills_it():
    gaps = summary.drawn(page_runs.offered("inductive_bias"))[2]
    (command,) = next(gap.commands for gap in gaps if gap.row.label == "GoogleNet")
    words = command.split()
    given = dict(itertools.pairwise(words))
    models = words[words.index("samples") + 1 : words.index("--data")]
    plan = plan_samples(
        models,
        data=given["--data"],
        shares=[float(given["--shares"]) / 100],
        steps=int(given["--steps"]),
        seeds=[int(seed) for seed in given["--seeds"].split(",")],
    )
    for entry in plan.entries:
        accuracy = 0.61 + 0.02 * entry.config.seed
        status = Status(state="finished", created=time.time(), result={"test_acc": accuracy, "n_train": 4500})
        classes = find_run("vit-cifar10").config.classes
        config = entry.config.model_copy(update={"classes": classes})
        create_run(config, status=status, sweep=SweepLink(name="own", kind="samples"))
    rows = summary.drawn(page_runs.offered("inductive_bias"))[0].figure.rows[1:]
    shown = {row[1]: row[3] for row in rows if row[0].startswith("accuracy")}
    assert [shown[name] for name in ("GoogleNet", "PreActResNet", "DenseNet")] == [pytest.approx(62.0)] * 3
    assert shown["ViT"] == pytest.approx(55.4, abs=0.05)  # that of the bundled sweep


def test_number_is_next_to_its_dot_on_the_side_without_the_open_one():
    rows = [
        Row("open to the right", "#000000", {"distance": Point(2.0)}, {"distance": Point(3.0)}),
        Row("open to the left", "#000000", {"distance": Point(2.0)}, {"distance": Point(1.0)}),
        Row("alone", "#000000", {"shift": Point(100.0)}),
    ]
    plot = summary_figure.draw(rows, "10 %").figure.plot
    places = {trace.y[0]: trace.textposition for trace in plot.data if trace.mode == "markers+text"}
    assert places == {
        "open to the right": "middle left",
        "open to the left": "middle right",
        "alone": "middle right",
    }
    assert plot.layout.xaxis2.range[1] > 105  # three digits beyond a dot at 100 %
    assert not plot.layout.xaxis2.ticksuffix  # "100 %" and the "0 %" of the next panel would touch
