"""The figures of each shape of values: panels, headings and notes."""

from __future__ import annotations

import re

import pytest

from dashboard.inductive_bias.lines import Context, Line
from dashboard.inductive_bias.shape_figures import draw
from vitcore.probes import View
from vitcore.probes.experiments.cka import SimilarityValues
from vitcore.probes.experiments.corruptions import CorruptionValues
from vitcore.probes.experiments.distance import DistanceValues
from vitcore.probes.experiments.receptive_field import FieldValues
from vitcore.probes.experiments.shift import BORDERS, ShiftValues
from vitcore.probes.experiments.shuffle import ShuffleValues

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
    assert [title for three in titles for title in three] == [panel.title for panel in values.panels]
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
