"""Figures of the loss landscape: what the models share, the cells of the CSV file, the table."""

from __future__ import annotations

import dataclasses
import html
import math
from typing import Any

import numpy as np
import pytest

from dashboard.drawing.narrow import one_panel_a_row
from dashboard.inductive_bias import landscape_figures
from dashboard.inductive_bias.lines import Context, Line
from dashboard.inductive_bias.shape_figures import draw
from vitcore.probes import Outcome, View, find_probe
from vitcore.probes.estimates import Estimate
from vitcore.probes.experiments.landscape import LandscapeValues
from vitcore.probes.wording import plus_minus, two_digits

PLACES = (-1.0, -0.5, 0.0, 0.5, 1.0)


def values(top, *, curved=True):
    """Return a bowl with the minimum 0.2 whose corners have the loss `top`."""
    bowl = np.add.outer(np.square(PLACES), np.square(PLACES)) / 2 * (top - 0.2) + 0.2
    found = {
        "positions": list(PLACES),
        "loss": {"mean": bowl.tolist(), "error": (bowl / 10).tolist()},
        "rise": {"mean": (top - 0.2) / 8, "error": 0.031},
    }
    curvature = {"eigenvalue": {"mean": 302.4, "error": 218.4}, "residual": 7.8, "iterations": 9}
    return LandscapeValues.model_validate(found | ({"curvature": curvature} if curved else {}))


def lines(**more):
    return [
        Line("ViT", "#0072B2", "solid", values(5.0, **more)),
        Line("<b>ResNet</b>", "#D55E00", "solid", values(80.0, **more)),
        Line("untrained ViT", "#0072B2", "dot", values(9.0, **more)),
    ]


def shapes():
    return [line.of(line.values.shapes()[0]) for line in lines()]


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (2.36032, 2.94294, ["2.4", "2.6", "2.8"]),  # an untrained model
        (1.2, 4.9, ["2", "3", "4"]),
        (1.9, 2.6, ["2", "2.2", "2.4", "2.6"]),
        (2.36, 2.41, ["2.36", "2.38", "2.4"]),
        (4, 60, ["5", "10", "20", "50"]),
        (3, 60, ["3", "10", "30"]),
        (0.5, 4000, ["1", "10", "100", "1,000"]),
    ],
)
def test_ticks_are_several_round_numbers_also_in_a_small_range(low, high, texts):
    assert landscape_figures.ticks(math.log10(low), math.log10(high))[1] == texts


@pytest.mark.parametrize("seed", range(20))
def test_ticks_are_at_least_three_of_at_most_three_digits_within_the_range(seed):
    rng = np.random.default_rng(seed)
    low = rng.uniform(-2, 2)
    high = low + rng.choice([0.02, 0.1, 0.4, 1.5, 5])
    places, texts = landscape_figures.ticks(low, high)
    assert len(places) >= 3
    assert low - 1e-6 <= min(places) < max(places) <= high + 1e-6
    shown = [float(text.replace(",", "")) for text in texts]
    assert shown == pytest.approx([10**place for place in places])
    assert shown == [float(f"{value:.3g}") for value in shown]


def test_models_of_a_figure_share_scale_lines_and_axes():
    first, second = (
        trace for trace in landscape_figures.contours(shapes()[:2]).plot.data if trace.type == "contour"
    )
    assert (
        (first.zmin, first.zmax)
        == (second.zmin, second.zmax)
        == pytest.approx((-math.log10(5), math.log10(80)))
    )
    assert first.contours == second.contours
    assert (first.x, first.y) == (second.x, second.y)
    assert [first.showscale, second.showscale] == [False, True]
    assert second.colorbar.ticktext == ("0.3", "1", "3", "10", "30")
    assert second.colorbar.tickvals == pytest.approx(np.log10([0.3, 1, 3, 10, 30]))
    left, right = landscape_figures.surfaces(shapes()[:2]).plot.data
    assert (left.cmin, left.cmax) == (right.cmin, right.cmax)
    layout: Any = landscape_figures.surfaces(shapes()[:2]).plot.layout
    assert layout.scene.zaxis.range == layout.scene2.zaxis.range
    assert layout.scene.camera == layout.scene2.camera


def test_rows_hold_every_position_with_its_error():
    rows = landscape_figures.contours(shapes()[:2]).rows
    assert rows[0] == ["series", "first direction", "second direction", "loss", "standard error"]
    assert len(rows) == 1 + 2 * 25
    assert ["<b>ResNet</b>", 1.0, -1.0, 80.0, 8.0] in rows
    assert ["ViT", 0.5, -1.0, pytest.approx(3.2), pytest.approx(0.32)] in rows
    middle = landscape_figures.slices(shapes()).rows
    assert middle[0] == ["series", "first direction", "loss", "standard error"]
    assert ["ViT", 0.5, pytest.approx(0.8), pytest.approx(0.08)] in middle
    assert len(middle) == 1 + 3 * 5
    assert len(landscape_figures.surfaces(shapes()[:1]).rows[0]) == 4


def test_trained_models_are_drawn_in_three_ways_and_untrained_ones_as_contours_and_in_the_slice():
    planes, slices, surfaces, untrained = draw(lines(), Context("How flat?", View()))
    kinds = [{trace.type for trace in one.figure.plot.data} for one in (planes, slices, surfaces, untrained)]
    assert kinds == [{"contour", "scatter"}, {"scatter"}, {"surface"}, {"contour", "scatter"}]
    assert len({one.alt for one in (planes, slices, surfaces, untrained)}) == 4
    named = {trace.name for trace in slices.figure.plot.data if trace.name}
    assert named == {"ViT", "&lt;b&gt;ResNet&lt;/b&gt;", "untrained ViT"}


def test_table_has_a_row_per_model_and_cells_without_a_curvature_are_empty():
    head = draw(lines(), Context("How flat?", View()))[0].head
    titles, _, *rows = head.splitlines()
    assert titles.count("|") == 5  # more columns would be outside of a phone's window
    assert [row.count("|") for row in rows] == [5, 5, 5]
    assert "302 ± 218 (7.8)" in rows[0]
    assert "<b>" not in head
    without = draw(lines(curved=False), Context("How flat?", View()))[0].head.splitlines()[2]
    assert without.endswith("|  |")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.96, "4.0"),
        (3.7, "3.7"),
        (0.4, "0.40"),
        (24.7, "25"),
        (0.0, "0.0"),
        (99.7, "100"),
        (1234.5, "1,234"),
    ],
)
def test_a_residual_has_two_digits(value, text):
    assert two_digits(value) == text


def test_losses_that_are_not_finite_are_left_out():
    broken = values(5.0).model_dump()
    broken["loss"]["mean"][0][0] = math.nan
    line = Line("ViT", "#0072B2", "solid", LandscapeValues.model_validate(broken))
    planes, *_ = draw([line], Context("How flat?", View()))
    assert len(planes.figure.rows) == 1 + 24


def test_surfaces_are_below_each_other_in_a_narrow_window():
    before = landscape_figures.surfaces(shapes()[:2]).plot
    after: Any = one_panel_a_row(before)
    upper, lower = after.layout.scene.domain, after.layout.scene2.domain
    assert upper.x == lower.x == (0, 1)
    assert lower.y[1] < upper.y[0]
    assert [note.y for note in after.layout.annotations] == pytest.approx([upper.y[1], lower.y[1]])
    margin = before.layout.margin.t + before.layout.margin.b
    plotted = after.layout.height - margin
    assert plotted * (upper.y[1] - upper.y[0]) == pytest.approx(before.layout.height - margin, abs=1)
    contour: Any = one_panel_a_row(landscape_figures.contours(shapes()[:2]).plot)
    bar = contour.data[2].colorbar
    assert (bar.lenmode, bar.y) == ("pixels", pytest.approx(sum(contour.layout.yaxis2.domain) / 2))


def test_long_names_are_wrapped_and_each_is_above_the_center_of_its_own_plane():
    long = (
        "my run, ViT quick, 1 epoch, embedding 32, MLP width 64, heads 2, blocks 2, with <b>more</b> settings"
    )
    named = [dataclasses.replace(shapes()[0], label=f"{long} {i}") for i in (1, 2)]
    for draw_planes in (landscape_figures.contours, landscape_figures.surfaces):
        layout: Any = draw_planes(named).plot.layout
        short: Any = draw_planes(shapes()[:2]).plot.layout
        titles = layout.annotations
        assert [round(note.x, 2) for note in titles] == [round(note.x, 2) for note in short.annotations]
        assert [note.xanchor for note in titles] == ["center", "center"]
        assert all(len(part) <= 45 for note in titles for part in note.text.split("<br>"))
        assert all("<b>" not in note.text for note in titles)
        lines_above = titles[0].text.count("<br>")
        assert layout.margin.t - short.margin.t >= 14 * lines_above > 0  # the font is 14 pixels high


def test_long_names_are_wrapped_in_the_legend_of_the_slice():
    long = "my run, ViT quick, 1 epoch, embedding 32, MLP width 64, heads 2, blocks 2, <b>more</b> settings"
    plot = landscape_figures.slices([dataclasses.replace(shapes()[0], label=long)]).plot
    (name,) = {trace.name for trace in plot.data if trace.showlegend}
    assert html.unescape(name.replace("<br>", " ")) == long
    assert all(len(html.unescape(part)) <= 32 for part in name.split("<br>"))
    assert "<b>" not in name


def test_finding_states_the_rise_and_waits_for_the_eigenvalue():
    outcomes = [Outcome(line.label, line.values) for line in lines()[:2]]
    text = find_probe("landscape").find(outcomes, View())
    assert "0.600 ± 0.031 (ViT)" in text
    assert "302 ± 218" in text
    half = [Outcome("ViT", values(5.0, curved=False))]
    assert "eigenvalue" not in find_probe("landscape").find(half, View())


@pytest.mark.parametrize(
    ("mean", "error", "text"),
    [
        (302.4, 218.4, "302 ± 218"),
        (0.41234, 0.0312, "0.412 ± 0.031"),
        (4.5, 1.23, "4.5 ± 1.2"),
        (12345.6, 90.0, "12,346 ± 90"),
        (1.5, 0.0, "1.50 ± 0.00"),
        (302.4, math.nan, "302.40"),
    ],
)
def test_number_has_as_many_digits_as_two_of_its_error(mean, error, text):
    assert plus_minus(Estimate(mean=mean, error=error)) == text
