"""Figures for narrow windows."""

from __future__ import annotations

import itertools
from typing import Any

import plotly.graph_objects as go
import pytest
from plotly.subplots import make_subplots

from dashboard.drawing.narrow import SCROLLED, as_scrolled, is_scrolled, one_panel_a_row


def _figure(rows: int = 1, columns: int = 3) -> Any:
    titles = [f"panel {i + 1}" for i in range(rows * columns)]
    figure = make_subplots(rows, columns, subplot_titles=titles, shared_yaxes=True)
    for i in range(rows * columns):
        figure.add_scatter(x=[0, 1], y=[i, i + 1], row=i // columns + 1, col=i % columns + 1, name=str(i))
    figure.update_layout(height=400, margin={"t": 50, "b": 50, "l": 0, "r": 0}, showlegend=False)
    return figure


def _panels(figure: Any) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    axes = [str(trace.xaxis)[1:] for trace in figure.data]
    return [(figure.layout["xaxis" + axis].domain, figure.layout["yaxis" + axis].domain) for axis in axes]


@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (1, 4), (2, 3)])
def test_panels_are_below_each_other_in_reading_order_and_keep_their_height(rows, columns):
    before = _figure(rows, columns)
    after: Any = one_panel_a_row(before)
    panels = _panels(after)
    assert {x for x, _ in panels} == {(0, 1)}
    tops = [y[1] for _, y in panels]
    assert tops == sorted(tops, reverse=True)
    assert all(lower[1] < upper[0] for (_, upper), (_, lower) in itertools.pairwise(panels))
    plotted = after.layout.height - after.layout.margin.t - after.layout.margin.b
    _, (low, high) = _panels(before)[0]
    for _, (bottom, top) in panels:
        assert (top - bottom) * plotted == pytest.approx((high - low) * 300, abs=1)


def test_each_panel_keeps_its_title_above_it():
    after: Any = one_panel_a_row(_figure(2, 2))
    for note, (_, y) in zip(after.layout.annotations, _panels(after), strict=True):
        assert note.y == pytest.approx(y[1])
        assert note.yref == "paper"
    assert [note.text for note in after.layout.annotations] == [f"panel {i}" for i in (1, 2, 3, 4)]


def test_axes_of_lower_panels_show_their_numbers():
    before = _figure()
    assert before.layout.yaxis2.showticklabels is False
    after: Any = one_panel_a_row(before)
    assert after.layout.yaxis2.showticklabels is True


def test_entries_of_a_legend_have_room_above_the_first_title():
    before = _figure()
    before.update_layout(showlegend=True)
    for trace in before.data:
        trace.showlegend = True
    after: Any = one_panel_a_row(before)
    assert after.layout.margin.t > before.layout.margin.t


def test_a_title_of_two_lines_has_room_between_two_panels():
    single, double = _figure(), _figure()
    double.layout.annotations[1].text = "panel 2<br>is a long one"
    gaps = []
    for figure in (single, double):
        after: Any = one_panel_a_row(figure)
        plotted = after.layout.height - after.layout.margin.t - after.layout.margin.b
        (_, upper), (_, lower), _ = _panels(after)
        gaps.append(plotted * (upper[0] - lower[1]))
    assert gaps[1] - gaps[0] >= 14  # pixels of the font


def test_figure_of_one_column_keeps_its_layout_and_the_original_is_unchanged():
    single = _figure(2, 1)
    assert one_panel_a_row(single).to_dict() == single.to_dict()
    several = _figure()
    copy = several.to_dict()
    one_panel_a_row(several)
    assert several.to_dict() == copy


def test_cells_of_heatmaps_lose_the_error_but_not_the_value():
    figure: Any = go.Figure(go.Heatmap(z=[[1.0]], texttemplate="%{z:+.1f} ± %{text}"))
    changed: Any = one_panel_a_row(figure)
    assert changed.data[0].texttemplate == "%{z:+.1f}"


def test_figure_with_equal_units_is_as_high_as_its_axes_demand():
    figure: Any = go.Figure(go.Heatmap(z=[[0, 1]]))
    figure.update_layout(height=500, margin={"l": 20, "r": 0, "t": 10, "b": 0})
    assert not is_scrolled(figure)
    figure.update_xaxes(range=[0, 100])
    figure.update_yaxes(range=[50, 0], scaleanchor="x")
    assert is_scrolled(figure)
    assert as_scrolled(figure).layout.height == (SCROLLED - 20) / 2 + 10
    assert figure.layout.height == 500
