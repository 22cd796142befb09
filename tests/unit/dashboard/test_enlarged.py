"""Figures for large screens."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from dashboard.drawing.enlarged import enlarged


def _figure() -> Any:
    figure = go.Figure(
        go.Scatter(x=[1, 2], y=[3, 4], line={"width": 2}, marker={"size": [6, 8]}, error_y={"thickness": 1})
    )
    figure.add_histogram(x=[1, 2, 3], xbins={"size": 10})
    figure.add_annotation(text="a", x=1, y=3, font={"size": 12}, xshift=6)
    figure.update_layout(height=300, margin={"l": 40}, font={"size": 13}, yaxis={"range": [0, 102]})
    return figure


def test_lengths_in_pixels_grow_and_values_stay():
    made: Any = enlarged(_figure(), 1.5)
    assert (made.layout.height, made.layout.margin.l, made.layout.font.size) == (450, 60, 19.5)
    assert (made.layout.annotations[0].font.size, made.layout.annotations[0].xshift) == (18, 9)
    line, bars = made.data
    assert (line.line.width, tuple(line.marker.size), line.error_y.thickness) == (3, (9, 12), 1.5)
    assert (tuple(line.x), tuple(line.y), made.layout.yaxis.range) == ((1, 2), (3, 4), (0, 102))
    assert bars.xbins.size == 10


def test_texts_without_a_size_grow_as_well():
    made: Any = enlarged(_figure(), 1.5)
    assert made.layout.xaxis.tickfont.size == 18
    assert made.layout.legend.font.size == 18


def test_figure_of_a_normal_window_is_unchanged():
    figure = _figure()
    assert enlarged(figure, 1) is figure
    before = figure.to_dict()
    enlarged(figure, 2)
    assert figure.to_dict() == before
