"""The figures of each shape of values: panels, headings and notes."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from PIL import Image

from dashboard.drawing import html
from dashboard.inductive_bias import examples
from dashboard.inductive_bias.lines import Context, Line
from dashboard.inductive_bias.shape_figures import draw
from vitcore.probes import View
from vitcore.probes.estimates import Estimate
from vitcore.probes.examples import Example
from vitcore.probes.experiments.cka import SimilarityValues
from vitcore.probes.experiments.corruptions import CorruptionValues
from vitcore.probes.experiments.distance import DistanceValues
from vitcore.probes.experiments.receptive_field import FieldValues
from vitcore.probes.experiments.registers import NormValues
from vitcore.probes.experiments.shift import BORDERS, ShiftValues
from vitcore.probes.experiments.shuffle import ShuffleValues
from vitcore.probes.experiments.texture_shape import CueValues

COLOR = "#0072B2"


def series(*mean):
    return {"mean": list(mean), "error": [0.01] * len(mean)}


def both(values, **more):
    """Return lines of a trained and an untrained model with the same values."""
    return [Line("ViT", COLOR, "solid", values, **more), Line("untrained ViT", COLOR, "dot", values, **more)]


@pytest.mark.parametrize("border", BORDERS)
def test_curves_of_the_chosen_border_are_drawn(border):
    curves = {name: series(1, 0.1 * i) for i, name in enumerate(ShiftValues.names)}
    values = ShiftValues(x=[0, 4], unit="shift in pixels", curves=curves)
    (drawn,) = draw([Line("ViT", COLOR, "solid", values)], Context("Does it stay?", View(border), 0.1))
    lines = [trace for trace in drawn.figure.plot.data if trace.name]
    expected = [curves[f"{kind}, {border}"]["mean"][1] for kind in ("consistency", "accuracy")]
    assert [line.y[1] for line in lines] == pytest.approx([100 * share for share in expected])
    assert drawn.alt == "Does it stay?"
    assert len(drawn.figure.plot.layout.shapes) == 1  # chance, in the panel of accuracy only


def test_note_on_constant_predictions_begins_with_a_capital_letter():
    values = ShiftValues(
        x=[0, 4], unit="shift in pixels", curves=dict.fromkeys(ShiftValues.names, series(1, 1))
    )
    line = Line("untrained ResNet", COLOR, "dot", values)
    (drawn,) = draw([line], Context("Does it stay?", View("zero"), 0.1))
    assert drawn.foot.startswith("Untrained ResNet predicts")


def test_more_than_three_panels_become_several_figures_with_different_descriptions():
    curves = dict.fromkeys(CorruptionValues.names, series(1, 0.5))
    values = CorruptionValues(x=[0, 5], unit="severity", curves=curves)
    drawn = draw(both(values), Context("Does it?", View(), 0.1))
    titles = [[note.text for note in one.figure.plot.layout.annotations[:3]] for one in drawn]
    assert [title for three in titles for title in three] == [
        panel.title for panel in values.panels if panel.curve in curves
    ]
    assert len({one.alt for one in drawn}) == len(drawn) == 3


def test_shuffle_has_a_categorical_axis():
    curves = dict.fromkeys(ShuffleValues.names, series(1, 0.5))
    values = ShuffleValues(x=[1, 16], unit="cells a side", curves=curves)
    (drawn,) = draw([Line("ViT", COLOR, "solid", values)], Context("Does it?", View()))
    assert drawn.figure.plot.layout.xaxis.type == "category"
    assert drawn.figure.plot.data[1].x == ("1", "16")


def test_untrained_models_have_a_separate_figure_and_the_note_is_below_it():
    maps = [[[0.5, 0.5], [0.0, 0.0]]]
    values = FieldValues(layers=["input"], pixel=[0, 0], fields=maps, bounds=None, reach=series(1))
    trained, untrained, reach = draw(both(values), Context("Which pixels?", View()))
    maps, depth = values.shapes()
    assert [trained.alt, untrained.alt] == [f"ViT: {maps.alt}", f"untrained ViT: {maps.alt}"]
    assert [trained.foot, untrained.foot, reach.foot] == ["", maps.note, ""]
    assert maps.note
    assert reach.alt == depth.alt != maps.alt
    assert reach.figure.plot.layout.yaxis.title.text == depth.axis


def test_trained_and_untrained_pairs_have_separate_matrices():
    table = {"mean": [[1, 0.5], [0.5, 1]], "error": [[0, 0], [0, 0]]}
    values = SimilarityValues(layers=(["a"], ["b"]), cka=table)
    drawn = draw(both(values, other="ResNet"), Context("Alike?", View()))
    assert ["untrained" in part.head for part in drawn] == [False, True]
    assert ["untrained" in part.alt for part in drawn] == [False, True]
    titles = [note.text for note in drawn[0].figure.plot.layout.annotations]
    assert re.search("ViT.*ResNet", titles[-1])


def test_note_names_the_trained_models_with_a_theoretical_field():
    cnn = DistanceValues(layers=["input", "block 1"], reach=series(1, 2), sides=[3, 7])
    vit = DistanceValues(layers=["patches", "block 1"], reach=series(1, 2), sides=None)
    lines = [Line("ViT", COLOR, "solid", vit), *both(cnn)]
    (drawn,) = draw(lines, Context("How far?", View()))
    assert re.findall(r"\d+", drawn.foot) == ["3", "7"]
    assert drawn.foot.count("ViT") == 1


def norms(layers, largest, **more):
    """Return the values of a model whose largest norms are given by layer."""
    rows = [[0.05, 0.5, 1.5, 1.8, value] for value in largest]
    table = {"mean": rows, "error": [[0.1] * 5] * len(rows)}
    return NormValues(layers=layers, quantiles=table, outliers=series(*([0.02] * len(rows))), **more)


def test_norms_have_a_panel_for_each_model_and_a_figure_for_the_untrained_ones():
    layers = ["patches", "block 1"]
    received = {"to_outliers": series(0.2), "even": series(0.1)}
    vit = norms(layers, [3, 4], cls=series(0.5, 7), to_cls=series(0.3), **received)
    registers = norms(layers, [3, 4], to_registers=series(0.4), **received)
    cnn = norms(["input", "block 1", "block 2"], [2, 5, 6])
    lines = [Line("ResNet", COLOR, "solid", cnn), *both(vit), Line("DINOv2", COLOR, "solid", registers)]
    trained, untrained, outliers, attention = draw(lines, Context("Outliers?", View()))
    titles = [[note.text for note in one.figure.plot.layout.annotations] for one in (trained, untrained)]
    assert titles == [["ResNet", "ViT", "DINOv2"], ["untrained ViT"]]
    curves = {(c.xaxis, c.name): list(c.y) for c in trained.figure.plot.data if c.name}
    assert curves == {
        ("x", "largest"): [2, 5, 6],
        ("x2", "largest"): [3, 4],
        ("x2", "CLS"): [0.5, 7],
        ("x3", "largest"): [3, 4],
    }
    bands = [list(c.y) for c in trained.figure.plot.data if not c.name and c.xaxis == "x2"]
    assert bands == [[1.8, 1.8, 0.1, 0.1], [1.5, 1.5, 0.5, 0.5]]  # 0.05 is below the axis
    assert ["ViT", "CLS", "block 1", 7, 0.01] in trained.figure.rows
    assert ["ViT", "5 %", "block 1", 0.05, 0.1] in trained.figure.rows
    assert list(outliers.figure.plot.data[1].y) == [2, 2, 2]
    panels = [note.text for note in attention.figure.plot.layout.annotations]
    assert panels == ["To outlier patches", "To CLS", "To registers"]
    drawn = {(c.xaxis, c.name): list(c.y) for c in attention.figure.plot.data if c.name}
    assert drawn == {
        ("x", "ViT"): [20],
        ("x", "untrained ViT"): [20],
        ("x", "DINOv2"): [20],
        ("x2", "ViT"): [30],
        ("x2", "untrained ViT"): [30],
        ("x3", "DINOv2"): [40],
    }
    assert attention.figure.plot.layout.yaxis.range is None


def cues(share):
    """Return values of the cue conflict in which every fraction is `share`."""
    names = ("original", "shape", "texture", "to_shape", "to_texture", "shape_share", "shape_share_alone")
    found = dict.fromkeys(names, Estimate(mean=share, error=0.02))
    return CueValues(**found, decided=5, decided_alone=5, answers=[8, 3])


def test_bars_have_a_panel_for_each_question_and_untrained_models_are_outlines():
    nothing = cues(0.1).model_copy(update={"shape_share": Estimate(mean=math.nan, error=math.nan)})
    lines = [Line("ViT", COLOR, "solid", cues(0.4)), Line("untrained ViT", COLOR, "dot", nothing)]
    (drawn,) = draw(lines, Context("Which?", View()))
    assert drawn.foot.endswith(" untrained ViT.")
    assert draw(lines[:1], Context("Which?", View()))[0].foot == ""
    bars = drawn.figure.plot.data
    assert [(bar.xaxis, bar.name) for bar in bars[:3]] == [
        ("x", "ViT"),
        ("x", "untrained ViT"),
        ("x2", "ViT"),
    ]
    assert list(bars[0].x) == ["in conflict", "each alone"]
    assert list(bars[0].y) == [40, 40]
    assert list(bars[0].error_y.array) == [2, 2]
    assert (bars[0].marker.color, bars[1].marker.line.color) == (COLOR, COLOR)
    assert bars[1].marker.color != COLOR
    assert [bar.showlegend for bar in bars] == [True, True, False, False, False, False]
    assert ["Shape share", "ViT", "in conflict", 40, 2] in drawn.figure.rows
    assert ["Shape share", "untrained ViT", "in conflict", None, None] in drawn.figure.rows


def test_card_of_an_example_states_which_cue_each_answer_follows():
    shown = [np.full((3, 32, 32), value, np.uint8) for value in (10, 20, 30)]
    example = Example(shown, {"shape": 7, "texture": 8}, 1)
    classes = [f"class {i}" for i in range(10)]
    answers = {"ViT": [0, 8], "ResNet": [0, 7], "Mixer": [0, 3]}
    head, picture, words = examples.card(example, classes, answers)
    assert head == "shape: class 7, texture: class 8"
    assert words == ["ViT: class 8 (texture)", "ResNet: class 7 (shape)", "Mixer: class 3"]
    assert picture.size == (3 * 32 + 2, 32)
    assert [picture.getpixel((33 * i, 5))[0] for i in range(3)] == [10, 20, 30]
    assert examples.rows([example], classes, answers) == [
        ["image", "shape", "texture", "ViT", "ResNet", "Mixer"],
        [2, "class 7", "class 8", "class 8", "class 7", "class 3"],
    ]
    large = Example([np.zeros((3, 224, 224), np.uint8)] * 3, {"shape": 7}, 0)
    assert examples.card(large, classes, {})[1].height == examples.SIDE


def test_cards_escape_the_names_of_classes_and_models():
    picture = Image.new("RGB", (4, 4))
    text = html.example_cards([("shape: <b>", picture, ['<i>: "x"'])])
    assert "<b>" not in text
    assert "<i>" not in text
    assert text.count("shape: &lt;b&gt;") == 2  # the title and the description of the picture
